"""Soft non-maximum suppression with the results of compiled ``mmcv.ops.soft_nms``: same scores, same order.

Paper: "Soft-NMS -- Improving Object Detection With One Line of Code", https://arxiv.org/abs/1704.04503.  mmcv runs it
on the CPU only and moves boxes in place as it goes (``csrc/pytorch/cpu/nms.cpp``, mmcv 2.1.0): the best box is swapped
to the front, and a box whose score falls too low is replaced by the last one.  Both decide between equal scores, so
they are kept here, with scores and indices moved instead of boxes; all others are lowered at once.

Shapes: N boxes (x1, y1, x2, y2) in pixels, M of them kept.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from .nms import _check, _columns, _readable, _rounded, _shared_side

METHODS = ('naive', 'linear', 'gaussian')  # mmcv's numbers 0, 1, 2
MAX_PAIRS = 1 << 22  # pairs whose weights are made at once; with more boxes they are made for one chosen box at a time


def soft_nms(boxes: Tensor,
             scores: Tensor,
             iou_threshold: float = 0.3,
             sigma: float = 0.5,
             min_score: float = 1e-3,
             method: str = 'linear',
             offset: int = 0) -> tuple[Tensor, Tensor]:
    """Lower the scores of boxes that overlap better ones, and drop those that fall below ``min_score``.

    With the overlap o of a box and the chosen one its score is multiplied by 0 (``naive``, o >= iou_threshold), by
    1 - o (``linear``, o >= iou_threshold) or by exp(-o * o / sigma) (``gaussian``, every o).

    Args:
        boxes: (N, 4).
        scores: (N,).
        iou_threshold: Least overlap that lowers a score; not read by ``gaussian``.
        sigma: Width of ``gaussian``; not read by the others.
        min_score: A box that is lowered below this is dropped.
        method: ``naive``, ``linear`` or ``gaussian``.
        offset: 0 or 1: a side is x2 - x1 + offset long.

    Returns:
        (M, 5) boxes with their new scores by falling score, and their indices (M,), int64.

    Raises:
        ValueError: For boxes or scores of a wrong shape, another offset or method.
    """
    _check(boxes, scores, offset)
    if method not in METHODS:
        raise ValueError(f'soft_nms: method={method!r}, it must be one of {", ".join(METHODS)}')
    columns = _columns(_readable(boxes.detach()), offset)
    rule = _Rule(_rounded(iou_threshold, columns.dtype), _rounded(sigma, columns.dtype), method, offset)
    min_score = _rounded(min_score, columns.dtype)
    left, index = scores.detach().to(columns.dtype, copy=True), torch.arange(len(scores), device=scores.device)
    table = _weights(columns, columns, rule) if len(left)**2 <= MAX_PAIRS else None
    place = 0
    while place < len(left):
        chosen = _bring_best(left, index, place)
        weights = _weights(columns[:, chosen:chosen + 1], columns, rule)[0] if table is None else table[chosen]
        rest = left[place + 1:]
        rest *= weights.index_select(0, index[place + 1:])
        dropped = rest < min_score
        if bool(dropped.any()):
            order = _fill_gaps(~dropped)
            left = torch.cat([left[:place + 1], rest[order]])
            index = torch.cat([index[:place + 1], index[place + 1:][order]])
        place += 1
    return torch.cat([columns[:4, index], left[None]]).t().contiguous(), index


class _Rule(NamedTuple):
    """How an overlap lowers a score, in the precision of the boxes."""

    threshold: float
    sigma: float
    method: str
    offset: int


def _bring_best(scores: Tensor, index: Tensor, place: int) -> int:
    """Swap the first of the highest scores from ``place`` on to ``place``; returns which box that is.

    A score that is NaN is never higher than another, and stays where it stands at ``place``."""
    rest = scores[place:]
    best = int(rest.argmax())
    if best and math.isnan(rest[best].item()):  # argmax takes NaN for the highest, and the first one of it
        best = int(rest.nan_to_num(-math.inf, math.inf, -math.inf).argmax())
    if best:
        for values in (rest, index[place:]):
            first = values[0].clone()
            values[0] = values[best]
            values[best] = first
    return int(index[place])


def _weights(chosen: Tensor, others: Tensor, rule: _Rule) -> Tensor:
    """What the scores of ``others`` (5, R) are multiplied by after each of ``chosen`` (5, K): (K, R)."""
    shared = _shared_side(chosen[0], chosen[2], others[0], others[2], rule.offset)
    shared *= _shared_side(chosen[1], chosen[3], others[1], others[3], rule.offset)
    overlap = shared / (chosen[4][:, None] + others[4] - shared)
    if rule.method == 'gaussian':
        # In float64 and then rounded: float32 exponentials differ in the last bit from one library to the next.
        return (-(overlap * overlap) / rule.sigma).double().exp().to(overlap.dtype)
    lowered = torch.zeros_like(overlap) if rule.method == 'naive' else 1 - overlap
    return torch.where(overlap >= rule.threshold, lowered, 1)


def _fill_gaps(stays: Tensor) -> Tensor:
    """Which place each of the first M places takes its box from, if gaps are filled from the end, (R,) -> (M,)."""
    order = torch.arange(len(stays), device=stays.device)
    count = int(stays.sum())
    gaps = ~stays[:count]
    order[:count][gaps] = order[count:][stays[count:]].flip(0)
    return order[:count]
