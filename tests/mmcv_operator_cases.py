"""The table of all operators that stand in for compiled mmcv's: inputs, call, gradients, where mmcv has a kernel.

A row calls ``mmcv.ops`` as its users do.  ``tests/ops/compiled`` runs each row with compiled mmcv and with ours.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import mmcv.ops
import torch
from conv_operator_cases import conv_cases
from operator_case import CPU, CUDA, Case
from slow_mmcv_ops import degenerate_boxes, random_boxes
from slow_roi_ops import random_rois
from torch import Tensor


def _box_sets() -> dict[str, Callable[[], tuple[Tensor, Tensor]]]:
    return {
        'random': partial(random_boxes, 700),
        'crowded': partial(random_boxes, 700, 20),
        'equal scores': lambda: (random_boxes(300, 40)[0].round(), torch.arange(300).div(60).floor()),
        'degenerate': degenerate_boxes,
        'none': partial(random_boxes, 0),
        'identical': lambda: (torch.tensor([[1., 2, 30, 40]]).repeat(50, 1), torch.linspace(1, 0, 50)),
    }


def _suppression_cases() -> list[Case]:
    rows = []
    for name, boxes in _box_sets().items():
        for offset in (0, 1):
            for threshold in (0.3, 0.5, 0.7):
                rows.append(Case(f'nms, {name}, offset {offset}, {threshold}', boxes,
                                 partial(mmcv.ops.nms, iou_threshold=threshold, offset=offset)))
            for method in ('naive', 'linear', 'gaussian'):
                call = partial(mmcv.ops.soft_nms, iou_threshold=0.3, sigma=0.5, min_score=0.05, method=method,
                               offset=offset)
                # An exponential may differ in its last bit.
                rows.append(Case(f'soft_nms, {name}, {method}, offset {offset}', boxes, call,
                                 tolerance=1e-6 if method == 'gaussian' else 0, devices=(CPU, )))
        for threshold in (0.3, 0.7):
            rows.append(Case(f'nms_match, {name}, {threshold}',
                             lambda boxes=boxes: (torch.cat([boxes()[0], boxes()[1][:, None]], 1), ),
                             partial(mmcv.ops.nms_match, iou_threshold=threshold), devices=(CPU, )))
    classes = torch.arange(700) % 7
    for offset in (0, 1):
        rows.append(Case(f'batched_nms, offset {offset}', lambda: (*random_boxes(700), classes.clone()),
                         partial(mmcv.ops.batched_nms, nms_cfg=dict(type='nms', iou_threshold=0.5, offset=offset))))
    return rows


def _maps(count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Maps of 10 x 13 of stride 4 and RoIs of all sizes, none inverted, one a point, one far outside."""
    rois = random_rois(max(count, 3), 2, 52, 40, seed)[:count]
    corners = rois[:, 1:].unflatten(1, (2, 2))
    rois = torch.cat([rois[:, :1], corners.amin(1), corners.amax(1)], 1)
    return torch.randn(2, 6, 10, 13, generator=torch.Generator().manual_seed(seed)), rois


def _roi_cases() -> list[Case]:
    rows = []
    for count in (0, 1, 40):
        for ratio in (0, 2):
            for aligned in (True, False):
                for mode in ('avg', 'max'):
                    rows.append(Case(f'roi_align, {count} RoIs, {mode}, ratio {ratio}, aligned {aligned}',
                                     partial(_maps, count), _roi_align((3, 5), 0.25, ratio, mode, aligned), (0, ),
                                     1e-5))
        rows.append(Case(f'roi_pool, {count} RoIs', partial(_maps, count),
                         lambda x, rois: mmcv.ops.roi_pool(x, rois, (3, 5), 0.25), (0, ), 1e-5, (CUDA, )))
        rows.append(Case(f'deform_roi_pool, {count} RoIs',
                         lambda count=count: (*_maps(count), torch.linspace(-1, 1, count * 30).view(count, 2, 3, 5)),
                         lambda x, rois, offset: mmcv.ops.deform_roi_pool(x, rois, offset, (3, 5), 0.25, 2),
                         (0, 2) if count else (0, ), 1e-5, (CUDA, )))  # no offsets get no gradient
    return rows


def _roi_align(*settings: Any) -> Callable[[Tensor, Tensor], Tensor]:
    """``mmcv.ops.roi_align``, which takes no keywords."""
    return lambda x, rois: mmcv.ops.roi_align(x, rois, *settings)


def _focal_cases() -> list[Case]:
    def inputs() -> tuple[Tensor, Tensor, Tensor]:
        g = torch.Generator().manual_seed(0)
        return torch.randn(60, 5, generator=g) * 4, torch.arange(60) % 5, torch.rand(5, generator=g)

    return [Case(f'{name}, gamma {gamma}', inputs, partial(_focal, operator, gamma), (0, ), 1e-5, (CUDA, ))
            for name, operator in (('sigmoid_focal_loss', mmcv.ops.sigmoid_focal_loss),
                                   ('softmax_focal_loss', mmcv.ops.softmax_focal_loss)) for gamma in (1.5, 2.0)]


def _focal(operator: Callable[..., Tensor], gamma: float, logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    return operator(logits, target, gamma, 0.3, weight, 'sum')


CASES = [*_suppression_cases(), *_roi_cases(), *_focal_cases(), *conv_cases()]


def results(case: Case, device: str, maps: torch.memory_format = torch.contiguous_format) -> list[Tensor]:
    """Values and gradients of a row, one list; the gradients are those of a fixed sum of the values.

    ``maps`` is the memory format of all four-dimensional tensors, the gradients of the values among them.
    """
    inputs = [_in_format(tensor.to(device), maps) for tensor in case.inputs()]
    for number in case.leaves:
        inputs[number].requires_grad_()
    values = case.call(*inputs)
    values = [_in_format(value, maps) for value in ([values] if isinstance(values, Tensor) else values)]
    if not case.leaves:
        return values
    total = sum((value * torch.arange(value.numel(), device=device).view_as(value).cos()).sum() for value in values)
    assert isinstance(total, Tensor)
    grads = torch.autograd.grad(total, [inputs[number] for number in case.leaves])
    return [*(value.detach() for value in values), *grads]


def _in_format(tensor: Tensor, maps: torch.memory_format) -> Tensor:
    return tensor.contiguous(memory_format=maps) if tensor.dim() == 4 else tensor
