"""Stand-in for mmcv's compiled module ``mmcv._ext``: the same functions, in PyTorch.

``mmcv.ops`` asks ``mmcv._ext`` for functions by name and gives them the tensors to write into.  Names, order of
arguments and results here are those of ``mmcv/ops/csrc/pytorch/pybind.cpp`` (mmcv 2.1.0; onedl-mmcv 2.3.6 has the same
and ``line_nms_forward``).  What mmdet and mmsegmentation take from it is here; ``docs/operators.md`` has the list.
Every other name is a function too, because ``mmcv.ops`` looks all of them up when it is imported, and it raises when it
is called.  How Python finds this module as ``mmcv._ext`` is told in :mod:`mmseg_plugins.ops.install`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NoReturn

import torch
from torch import Tensor

from . import focal_loss, mmcv_ext_conv, mmcv_ext_norm
from .deform_roi_pool import deform_roi_pool
from .mmcv_ext_conv import *  # noqa: F403
from .mmcv_ext_norm import *  # noqa: F403
from .nms import nms as _nms
from .nms import nms_match as _nms_match
from .roi_align import roi_align, roi_align_gradient
from .roi_align_max import add_gradient, largest_samples
from .roi_pool import roi_pool_places
from .soft_nms import METHODS, soft_nms
from .torchvision_ops import torchvision_ops

__all__ = [
    *mmcv_ext_conv.__all__, *mmcv_ext_norm.__all__, 'deform_roi_pool_backward', 'deform_roi_pool_forward',
    'get_compiler_version', 'get_compiling_cuda_version', 'nms', 'nms_match', 'roi_align_backward',
    'roi_align_forward', 'roi_pool_backward', 'roi_pool_forward', 'sigmoid_focal_loss_backward',
    'sigmoid_focal_loss_forward', 'softmax_focal_loss_backward', 'softmax_focal_loss_forward', 'softnms'
]

HOW_TO_COMPILE = ('Fix: install compiled mmcv, with `OPS=compiled make setup`, or after torch, setuptools<81 and ninja '
                  'with `pip install mmcv==2.1.0 --no-build-isolation`')


def get_compiler_version() -> str:
    """What ``mmcv.utils.collect_env`` prints as the compiler."""
    return 'not available (mmseg_plugins.ops stands in for mmcv._ext)'


def get_compiling_cuda_version() -> str:
    """What ``mmcv.utils.collect_env`` prints as the CUDA compiler."""
    return 'not available'


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float, offset: int) -> Tensor:
    """Indices of the kept boxes by falling score."""
    return _nms(boxes, scores, iou_threshold, offset)


def softnms(boxes: Tensor, scores: Tensor, dets: Tensor, iou_threshold: float, sigma: float, min_score: float,
            method: int, offset: int) -> Tensor:
    """Indices of the kept boxes; writes boxes and new scores to the first rows of ``dets`` (N, 5)."""
    kept, index = soft_nms(boxes, scores, iou_threshold, sigma, min_score, METHODS[method], offset)
    dets[:len(kept)] = kept
    return index


def nms_match(dets: Tensor, iou_threshold: float) -> list[list[int]]:
    """Groups of boxes, each led by a kept one."""
    return _nms_match(dets, iou_threshold)


def roi_align_forward(input: Tensor, rois: Tensor, output: Tensor, argmax_y: Tensor, argmax_x: Tensor,
                      aligned_height: int, aligned_width: int, spatial_scale: float, sampling_ratio: int,
                      pool_mode: int, aligned: bool) -> None:
    """Write the bins to ``output``; with ``pool_mode`` 0 their maxima, and where those lie to ``argmax_*``."""
    size = aligned_height, aligned_width
    sampling_ratio = max(sampling_ratio, 0)  # mmcv takes 0 and less alike
    with torch.no_grad():
        if pool_mode == 1 and input.device.type == 'cuda' and torchvision_ops():
            output.copy_(torch.ops.torchvision.roi_align(input, rois.to(input.dtype), spatial_scale, *size,
                                                         sampling_ratio, aligned))
            return
        if pool_mode == 1:
            output.copy_(roi_align(input, rois, size, spatial_scale, sampling_ratio, aligned))
            return
        found = largest_samples(input, rois, size, spatial_scale, sampling_ratio, aligned)
        for given, values in zip((output, argmax_y, argmax_x), found, strict=True):
            given.copy_(values)


def roi_align_backward(grad_output: Tensor, rois: Tensor, argmax_y: Tensor, argmax_x: Tensor, grad_input: Tensor,
                       aligned_height: int, aligned_width: int, spatial_scale: float, sampling_ratio: int,
                       pool_mode: int, aligned: bool) -> None:
    """Add the gradient of the maps to ``grad_input``."""
    sampling_ratio = max(sampling_ratio, 0)
    images, channels, height, width = grad_input.shape
    with torch.no_grad():
        if pool_mode == 1 and grad_input.device.type == 'cuda' and torchvision_ops():
            grad_input += torch.ops.torchvision._roi_align_backward(
                grad_output, rois.to(grad_output.dtype), spatial_scale, aligned_height, aligned_width, images, channels,
                height, width, sampling_ratio, aligned)
            return
        if pool_mode == 1:
            grad_input += roi_align_gradient(grad_output, rois, (images, channels, height, width), spatial_scale,
                                             sampling_ratio, aligned)
            return
        add_gradient(grad_input, grad_output, argmax_y, argmax_x, rois)


def roi_pool_forward(input: Tensor, rois: Tensor, output: Tensor, argmax: Tensor, pooled_height: int,
                     pooled_width: int, spatial_scale: float) -> None:
    """Write the maxima to ``output`` and their places on the map to ``argmax``, -1 for an empty bin."""
    value, place = roi_pool_places(input, rois, (pooled_height, pooled_width), spatial_scale)
    output.copy_(value)
    argmax.copy_(place)


def roi_pool_backward(grad_output: Tensor, rois: Tensor, argmax: Tensor, grad_input: Tensor, pooled_height: int,
                      pooled_width: int, spatial_scale: float) -> None:
    """Add the gradient of the maps to ``grad_input``."""
    _, channels, height, width = grad_input.shape
    layer = rois[:, 0].long()[:, None] * channels + torch.arange(channels, device=rois.device)
    place = layer[:, :, None, None] * (height * width) + argmax.clamp_min(0)
    grad = grad_output * (argmax >= 0)
    grad_input.view(-1).scatter_add_(0, place.flatten(), grad.to(grad_input.dtype).flatten())


def deform_roi_pool_forward(input: Tensor, rois: Tensor, offset: Tensor, output: Tensor, pooled_height: int,
                            pooled_width: int, spatial_scale: float, sampling_ratio: int, gamma: float) -> None:
    """Write the moved bins to ``output``; an empty ``offset`` moves nothing."""
    with torch.no_grad():
        output.copy_(deform_roi_pool(input, rois, offset, (pooled_height, pooled_width), spatial_scale,
                                     max(sampling_ratio, 0), gamma))


def deform_roi_pool_backward(grad_output: Tensor, input: Tensor, rois: Tensor, offset: Tensor, grad_input: Tensor,
                             grad_offset: Tensor, pooled_height: int, pooled_width: int, spatial_scale: float,
                             sampling_ratio: int, gamma: float) -> None:
    """Add the gradients of the maps and the offsets to ``grad_input`` and ``grad_offset``."""
    leaves = [leaf.detach().requires_grad_() for leaf in ((input, offset) if offset.numel() else (input, ))]
    with torch.enable_grad():
        pooled = deform_roi_pool(leaves[0], rois, leaves[1] if offset.numel() else None,
                                 (pooled_height, pooled_width), spatial_scale, max(sampling_ratio, 0), gamma)
    for given, found in zip((grad_input, grad_offset), torch.autograd.grad(pooled, leaves, grad_output), strict=False):
        given += found


def sigmoid_focal_loss_forward(input: Tensor, target: Tensor, weight: Tensor, output: Tensor, gamma: float,
                               alpha: float) -> None:
    """Write the loss of every sample and class to ``output``."""
    output.copy_(focal_loss.sigmoid_focal_values(input, target, weight, gamma, alpha))


def sigmoid_focal_loss_backward(input: Tensor, target: Tensor, weight: Tensor, grad_input: Tensor, gamma: float,
                                alpha: float) -> None:
    """Write the derivative of every term to ``grad_input``."""
    grad_input.copy_(focal_loss.sigmoid_focal_slopes(input, target, weight, gamma, alpha))


def softmax_focal_loss_forward(input: Tensor, target: Tensor, weight: Tensor, output: Tensor, gamma: float,
                               alpha: float) -> None:
    """Write the loss of every sample to ``output`` (N,); ``input`` holds probabilities."""
    output.copy_(focal_loss.softmax_focal_values(input, target, weight, gamma, alpha))


def softmax_focal_loss_backward(input: Tensor, target: Tensor, weight: Tensor, buff: Tensor, grad_input: Tensor,
                                gamma: float, alpha: float) -> None:
    """Write the derivative by the logits to ``grad_input``; ``input`` holds probabilities, ``buff`` (N,) is filled."""
    buff.copy_(focal_loss.softmax_focal_factors(input, target, weight, gamma, alpha))
    grad_input.copy_(focal_loss.softmax_focal_slopes(input, target, buff))


def __getattr__(name: str) -> Callable[..., NoReturn]:
    """A function that tells, when it is called, which operator is missing here."""
    if name.startswith('_'):
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')

    def missing(*args: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError(f'mmcv operator {name!r}, asked for by {_asked_by()}, is not among those that '
                                  f'mmseg_plugins.ops stands in for. {HOW_TO_COMPILE}')

    missing.__name__ = missing.__qualname__ = name
    return missing


def _asked_by() -> str:
    """The module of ``mmcv.ops`` that called, and the first caller outside mmcv and torch."""
    frame = sys._getframe(2)
    callers = []
    while frame is not None:
        callers.append(str(frame.f_globals.get('__name__', '?')))
        frame = frame.f_back  # type: ignore[assignment]
    outside = [name for name in callers if name.partition('.')[0] not in ('mmcv', 'torch')]
    return ' for '.join(dict.fromkeys(callers[:1] + outside[:1]))
