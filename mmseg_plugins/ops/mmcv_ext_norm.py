"""The functions of ``mmcv._ext`` that ``mmcv.ops.SyncBatchNorm`` ("MMSyncBN") is made of.

Formulas are those of ``csrc/common/cuda/sync_bn_cuda_kernel.cuh`` (mmcv 2.1.0); the sums over processes are mmcv's own.
Names and arguments are those of the bindings; results are written to the given tensors.

Shapes: B images, C channels, L pixels; statistics (C,) in float32.
"""

from __future__ import annotations

from torch import Tensor

__all__ = [
    'sync_bn_backward_data', 'sync_bn_backward_param', 'sync_bn_forward_mean', 'sync_bn_forward_output',
    'sync_bn_forward_var'
]


def sync_bn_forward_mean(input: Tensor, mean: Tensor) -> None:
    """``mean`` = mean of each channel of ``input`` (B, C, L)."""
    mean.copy_(input.float().mean((0, 2)))


def sync_bn_forward_var(input: Tensor, mean: Tensor, var: Tensor) -> None:
    """``var`` = mean square distance of each channel from ``mean``."""
    var.copy_((input.float() - mean[:, None]).square().mean((0, 2)))


def sync_bn_forward_output(input: Tensor, mean: Tensor, var: Tensor, weight: Tensor, bias: Tensor,
                           running_mean: Tensor, running_var: Tensor, norm: Tensor, std: Tensor, output: Tensor,
                           eps: float, momentum: float, group_size: int) -> None:
    """Normalize to ``norm`` and ``output``, write ``std``, move the running statistics by ``momentum``."""
    std.copy_((var + eps).sqrt())
    norm.copy_((input.float() - mean[:, None]) / std[:, None])
    output.copy_(norm * weight[:, None] + bias[:, None] if weight.numel() else norm)
    if running_mean.numel():
        count = input.size(0) * input.size(2) * group_size
        unbiased = var * count / (count - 1) if count > 1 else var
        running_mean.copy_(momentum * mean + (1 - momentum) * running_mean)
        running_var.copy_(momentum * unbiased + (1 - momentum) * running_var)


def sync_bn_backward_param(grad_output: Tensor, norm: Tensor, grad_weight: Tensor, grad_bias: Tensor) -> None:
    """``grad_weight`` and ``grad_bias`` = their gradients, of this process's images."""
    grad_weight.copy_((grad_output.float() * norm).sum((0, 2)))
    grad_bias.copy_(grad_output.float().sum((0, 2)))


def sync_bn_backward_data(grad_output: Tensor, weight: Tensor, grad_weight: Tensor, grad_bias: Tensor, norm: Tensor,
                          std: Tensor, grad_input: Tensor) -> None:
    """``grad_input`` = its gradient, from the gradients of all processes' statistics."""
    count = norm.size(0) * norm.size(2)
    shared = (grad_weight[:, None] * norm + grad_bias[:, None]) / count
    grad_input.copy_((weight / std)[:, None] * (grad_output.float() - shared))
