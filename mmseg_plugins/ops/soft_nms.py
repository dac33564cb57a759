"""Soft non-maximum suppression with the results of compiled ``mmcv.ops.soft_nms``: same scores, same order.

Paper: "Soft-NMS -- Improving Object Detection With One Line of Code", https://arxiv.org/abs/1704.04503.  mmcv runs it
on the CPU only and moves boxes in place as it goes (``csrc/pytorch/cpu/nms.cpp``, mmcv 2.1.0): the best box is swapped
to the front, and a box whose score falls too low is replaced by the last one.  Both decide between equal scores, so
they are kept here; what is done for one chosen box is done for all others at once.

Shapes: N boxes (x1, y1, x2, y2) in pixels, M of them kept.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .nms import _check, _columns, _readable, _rounded, _shared_side

METHODS = ('naive', 'linear', 'gaussian')  # mmcv's numbers 0, 1, 2
SCORE, INDEX = 5, 6  # rows of the work table after x1, y1, x2, y2 and area


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
    boxes, scores = _readable(boxes.detach()), scores.detach()
    table = torch.cat([_columns(boxes, offset), boxes.new_empty(1, len(boxes))])
    table[SCORE] = scores
    index = torch.arange(len(boxes), device=boxes.device)
    iou_threshold, min_score = _rounded(iou_threshold, table.dtype), _rounded(min_score, table.dtype)
    sigma = _rounded(sigma, table.dtype)
    place = 0
    while place < table.size(1):
        _bring_best(table, index, place)
        rest = table[:, place + 1:]
        rest[SCORE] *= _weights(table[:5, place:place + 1], rest[:5], iou_threshold, sigma, method, offset)
        dropped = rest[SCORE] < min_score
        if bool(dropped.any()):
            order = _fill_gaps(~dropped)
            table = torch.cat([table[:, :place + 1], rest[:, order]], 1)
            index = torch.cat([index[:place + 1], index[place + 1:][order]])
        place += 1
    return torch.cat([table[:4], table[SCORE:]]).t().contiguous(), index


def _bring_best(table: Tensor, index: Tensor, place: int) -> None:
    """Swap the first of the highest scores from ``place`` on to ``place``; a score that is NaN there stays."""
    scores = table[SCORE, place:]
    if math.isnan(scores[0].item()):
        return
    best = place + int(scores.nan_to_num(-math.inf, math.inf, -math.inf).argmax())
    if best != place:
        pair, turned = [place, best], [best, place]
        table[:, pair] = table[:, turned]
        index[pair] = index[turned]


def _weights(chosen: Tensor, rest: Tensor, threshold: float, sigma: float, method: str, offset: int) -> Tensor:
    """What the scores of ``rest`` (5, R) are multiplied by after ``chosen`` (5, 1): (R,)."""
    shared = _shared_side(chosen[0], chosen[2], rest[0], rest[2], offset)[0]
    shared *= _shared_side(chosen[1], chosen[3], rest[1], rest[3], offset)[0]
    overlap = shared / (chosen[4] + rest[4] - shared)
    if method == 'gaussian':
        # In float64 and then rounded: float32 exponentials differ in the last bit from one library to the next.
        return (-(overlap * overlap) / sigma).double().exp().to(overlap.dtype)
    lowered = torch.zeros_like(overlap) if method == 'naive' else 1 - overlap
    return torch.where(overlap >= threshold, lowered, 1)


def _fill_gaps(stays: Tensor) -> Tensor:
    """Which place each of the first M places takes its box from, if gaps are filled from the end, (R,) -> (M,)."""
    order = torch.arange(len(stays), device=stays.device)
    count = int(stays.sum())
    gaps = ~stays[:count]
    order[:count][gaps] = order[count:][stays[count:]].flip(0)
    return order[:count]
