"""Sigmoid and softmax focal loss with the numbers of compiled mmcv's CUDA kernels, on every device.

Paper: "Focal Loss for Dense Object Detection", https://arxiv.org/abs/1708.02002.  Formulas and the clamp inside the
logarithm are those of ``csrc/common/cuda/{sigmoid,softmax}_focal_loss_cuda_kernel.cuh`` (mmcv 2.1.0), which has no
kernel for the CPU.  The gradient is the kernels' closed form: it stays finite where the logarithm is clamped.

Shapes: N samples, C classes.  A label of C (or below 0) is background in the sigmoid loss; in the softmax loss a label
below 0 is ignored.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

LEAST = 1.17549435e-38  # smallest normal float32; logarithms are taken of nothing less


def sigmoid_focal_values(logits: Tensor, target: Tensor, weight: Tensor | None, gamma: float, alpha: float) -> Tensor:
    """Loss of every sample and class.

    With p = sigmoid(logit) it is -alpha (1 - p)^gamma log(p) for the label's class, -(1 - alpha) p^gamma log(1 - p) for
    the others.

    Args:
        logits: (N, C).
        target: (N,), int64.
        weight: (C,) factors of all terms of a sample by its label; None or an empty tensor for none.  Background has
            no entry and is taken as it is.
        gamma: Focusing exponent.
        alpha: Share of the label's class.

    Returns:
        (N, C).
    """
    prob, positive = logits.sigmoid(), _one_hot(logits, target)
    rest = 1 - prob
    hit = -alpha * rest.pow(gamma) * prob.clamp_min(_least(prob)).log()
    miss = -(1 - alpha) * prob.pow(gamma) * rest.clamp_min(_least(prob)).log()
    return torch.where(positive, hit, miss) * _label_weight(weight, target, logits)[:, None]


def sigmoid_focal_slopes(logits: Tensor, target: Tensor, weight: Tensor | None, gamma: float, alpha: float) -> Tensor:
    """Derivative of :func:`sigmoid_focal_values` by the logits, (N, C)."""
    prob, positive = logits.sigmoid(), _one_hot(logits, target)
    rest = 1 - prob
    hit = -alpha * rest.pow(gamma) * (rest - gamma * prob * prob.clamp_min(_least(prob)).log())
    miss = -(1 - alpha) * prob.pow(gamma) * (gamma * rest * rest.clamp_min(_least(prob)).log() - prob)
    return torch.where(positive, hit, miss) * _label_weight(weight, target, logits)[:, None]


def softmax_focal_values(prob: Tensor, target: Tensor, weight: Tensor | None, gamma: float, alpha: float) -> Tensor:
    """-alpha (1 - p)^gamma log(p) of the label's probability p; 0 for an ignored sample.

    Args:
        prob: (N, C), rows of a softmax.
        target, weight, gamma, alpha: As in :func:`sigmoid_focal_values`.

    Returns:
        (N,).
    """
    own = prob.gather(1, target.clamp_min(0)[:, None])[:, 0]
    value = -alpha * (1 - own).pow(gamma) * own.clamp_min(_least(own)).log()
    return torch.where(target >= 0, value, 0) * _label_weight(weight, target, prob)


def softmax_focal_factors(prob: Tensor, target: Tensor, weight: Tensor | None, gamma: float, alpha: float) -> Tensor:
    """Derivative of :func:`softmax_focal_values` by log(p), (N,); a logit's is this times 1 or 0 less its
    probability."""
    own = prob.gather(1, target.clamp_min(0)[:, None])[:, 0]
    rest = 1 - own
    log = own.clamp_min(_least(own)).log()
    value = alpha * (-rest.pow(gamma) + gamma * rest.pow(gamma - 1) * own * log)
    return torch.where(target >= 0, value, 0) * _label_weight(weight, target, prob)


def softmax_focal_slopes(prob: Tensor, target: Tensor, factor: Tensor) -> Tensor:
    """Derivative by the logits, (N, C), from :func:`softmax_focal_factors` (N,)."""
    slope = factor[:, None] * (_one_hot(prob, target).to(prob.dtype) - prob)
    return torch.where(target[:, None] >= 0, slope, 0)


def _one_hot(scores: Tensor, target: Tensor) -> Tensor:
    """Whether a class is the sample's label, (N, C), bool; false everywhere for background."""
    return target[:, None] == torch.arange(scores.size(1), device=scores.device)


def _least(prob: Tensor) -> float:
    """mmcv's clamp; half precision has nothing as small, and clamps at its own smallest number."""
    return max(LEAST, torch.finfo(prob.dtype).tiny)


def _label_weight(weight: Tensor | None, target: Tensor, like: Tensor) -> Tensor:
    """Factor of each sample, (N,)."""
    if weight is None or not weight.numel():
        return like.new_ones(len(target))
    known = (target >= 0) & (target < len(weight))
    return torch.where(known, weight[target.clamp(0, len(weight) - 1)], 1).to(like.dtype)


class _SigmoidFocal(torch.autograd.Function):

    @staticmethod
    def forward(ctx: Any, logits: Tensor, target: Tensor, weight: Tensor | None, gamma: float, alpha: float) -> Tensor:
        ctx.save_for_backward(logits, target, weight)
        ctx.rule = gamma, alpha
        return sigmoid_focal_values(logits, target, weight, gamma, alpha)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None, None]:
        return grad * sigmoid_focal_slopes(*ctx.saved_tensors, *ctx.rule), None, None, None, None


class _SoftmaxFocal(torch.autograd.Function):

    @staticmethod
    def forward(ctx: Any, logits: Tensor, target: Tensor, weight: Tensor | None, gamma: float, alpha: float) -> Tensor:
        prob = logits.softmax(1)
        ctx.save_for_backward(prob, target, weight)
        ctx.rule = gamma, alpha
        return softmax_focal_values(prob, target, weight, gamma, alpha)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None, None]:
        prob, target, weight = ctx.saved_tensors
        factor = softmax_focal_factors(prob, target, weight, *ctx.rule)
        return softmax_focal_slopes(prob, target, grad * factor), None, None, None, None


def sigmoid_focal_loss(logits: Tensor,
                       target: Tensor,
                       gamma: float = 2.0,
                       alpha: float = 0.25,
                       weight: Tensor | None = None) -> Tensor:
    """:func:`sigmoid_focal_values`, differentiable in the logits: (N, C), (N,) -> (N, C).

    A logit of 0 of the label's class costs 0.25 * 0.25 * log 2 = 0.0433 with the default numbers.

    Raises:
        ValueError: For inputs of a wrong shape or type.
    """
    _check(logits, target, 'sigmoid_focal_loss')
    return _SigmoidFocal.apply(logits, target, weight, gamma, alpha)


def softmax_focal_loss(logits: Tensor,
                       target: Tensor,
                       gamma: float = 2.0,
                       alpha: float = 0.25,
                       weight: Tensor | None = None) -> Tensor:
    """:func:`softmax_focal_values` of ``logits.softmax(1)``, differentiable in the logits: (N, C), (N,) -> (N,).

    Raises:
        ValueError: For inputs of a wrong shape or type.
    """
    _check(logits, target, 'softmax_focal_loss')
    return _SoftmaxFocal.apply(logits, target, weight, gamma, alpha)


def _check(logits: Tensor, target: Tensor, owner: str) -> None:
    if logits.dim() != 2 or target.shape != logits.shape[:1] or target.dtype != torch.long:
        raise ValueError(f'{owner}: logits {tuple(logits.shape)}, target {target.dtype} {tuple(target.shape)}; '
                         'they must be (N, C) and int64 (N,)')
