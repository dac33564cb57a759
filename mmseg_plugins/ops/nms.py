"""Non-maximum suppression with the results of compiled ``mmcv.ops.nms`` and ``nms_match``: same boxes, same order.

Boxes are sorted by score and cut into blocks.  Inside a block the greedy rule is a fixed point: a box stays unless a
box that stays, with a higher score, overlaps it too much.  A few products of a vector with the block's overlap table
find it, so that no step runs over single boxes; what a block keeps then suppresses all later boxes at once.  Work and
memory stay bounded: a table holds at most :data:`MAX_PAIRS` pairs, and suppressed boxes are dropped after each block.

The overlap is computed as mmcv's ``csrc/pytorch/cpu/nms.cpp`` computes it (mmcv 2.1.0), in the same order of rounding:
a box without area, or with a coordinate that is not finite, suppresses nothing and is kept.

Shapes: N boxes (x1, y1, x2, y2) in pixels, K boxes that suppress, R boxes that may be suppressed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from .torchvision_ops import torchvision_ops

MAX_PAIRS = 1 << 17  # pairs of boxes in one table on a CPU: its temporary tables stay in the cache
MAX_PAIRS_ELSEWHERE = 1 << 25  # on other devices, where a call costs more than the memory
BLOCK = 256  # boxes of a block on a CPU
BLOCK_ELSEWHERE = 4096
ROUNDS_ELSEWHERE = 8  # between two looks at the result, for which the host waits


class _Rule(NamedTuple):
    """When a box suppresses another.

    Attributes:
        threshold: Least overlap, in the precision of the boxes.
        offset: 1 where x2 and y2 name the last pixel inside, 0 where they are the far edge.
        inclusive: Whether an overlap equal to the threshold suppresses.
    """

    threshold: float
    offset: int
    inclusive: bool


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float, offset: int = 0) -> Tensor:
    """Keep the best box of each cluster: a box goes if it overlaps a kept one of a higher score by more than the limit.

    Two boxes (0, 0, 10, 10) and (0, 0, 10, 8) overlap by 0.8; with ``iou_threshold`` 0.7 the one with the higher score
    stays.  Boxes of equal score are taken in the order of ``scores.sort(descending=True)``, as compiled mmcv does.

    Args:
        boxes: (N, 4).
        scores: (N,).
        iou_threshold: Overlap above which a box goes; rounded to float32 first for float32 boxes, as mmcv does.
        offset: 0 or 1: a side is x2 - x1 + offset long.

    Returns:
        Indices of the kept boxes, int64, by falling score.  Half and bfloat16 boxes are compared in float32.

    Raises:
        ValueError: For boxes or scores of a wrong shape, or another offset.
    """
    _check(boxes, scores, offset)
    boxes = _readable(boxes.detach())
    order = scores.detach().sort(0, descending=True)[1]
    if not len(order):
        return order
    rule = _Rule(_rounded(iou_threshold, boxes.dtype), offset, inclusive=False)
    if boxes.device.type == 'cuda' and not offset and (torchvision := torchvision_ops()):
        return order[torchvision.nms(boxes[order], scores.detach()[order].to(boxes.dtype), rule.threshold)]
    columns = _columns(boxes[order], offset)
    groups = _groups(columns, rule)
    if groups is None:
        return order[torch.cat([head for head, _, _ in _blocks(columns, rule, owners=False)])]
    kept = [group[head] for group in groups for head, _, _ in _blocks(columns[:, group], rule, owners=False)]
    return order[torch.cat(kept).sort()[0]]


def nms_match(dets: Tensor, iou_threshold: float) -> list[list[int]]:
    """Group boxes by the kept box that suppresses them.

    Args:
        dets: (N, 5), boxes and scores.
        iou_threshold: Overlap from which a box goes (an equal overlap suppresses here, unlike in :func:`nms`).

    Returns:
        One list for each kept box by falling score: its index, then those of the boxes it suppresses by falling score.

    Raises:
        ValueError: For dets of a wrong shape.
    """
    if dets.dim() != 2 or dets.size(1) != 5:
        raise ValueError(f'nms_match: dets has shape {tuple(dets.shape)}, it must be (N, 5) = boxes and scores')
    dets = _readable(dets.detach())
    order = dets[:, 4].sort(0, descending=True)[1]
    if not len(order):
        return []
    rule = _Rule(_rounded(iou_threshold, dets.dtype), 0, inclusive=True)
    kept, gone, owner = (torch.cat(parts) for parts in zip(
        *_blocks(_columns(dets[order, :4], 0), rule, owners=True), strict=True))
    place = torch.cat([kept, gone])  # the kept ones own themselves and come first in their groups
    group = torch.cat([kept, owner])
    place = place[torch.argsort(group * 2 * len(order) + place + (place != group) * len(order))]
    sizes = torch.unique(group, return_counts=True)[1].tolist()
    return [part.tolist() for part in order[place].split(sizes)]


def _check(boxes: Tensor, scores: Tensor, offset: int) -> None:
    """Refuse what no suppression can read."""
    if boxes.dim() != 2 or boxes.size(1) != 4 or scores.shape != boxes.shape[:1]:
        raise ValueError(f'nms: boxes and scores have shapes {tuple(boxes.shape)} and {tuple(scores.shape)}, '
                         'they must be (N, 4) and (N,)')
    if offset not in (0, 1):
        raise ValueError(f'nms: offset={offset!r}, it must be 0 (x2 is the far edge) or 1 (x2 is the last pixel)')


def _readable(boxes: Tensor) -> Tensor:
    """``boxes`` in float32, or float64 if they are that already."""
    return boxes if boxes.dtype in (torch.float32, torch.float64) else boxes.float()


def _rounded(threshold: float, dtype: torch.dtype) -> float:
    """``threshold`` as a number of ``dtype``: compared with 0.3, 0.3 in float32 would be above it."""
    return torch.tensor(threshold, dtype=dtype).item()


def _columns(boxes: Tensor, offset: int) -> Tensor:
    """Coordinates and area, (5, N), each row in one run of memory."""
    columns = boxes.new_empty(5, len(boxes))
    columns[:4] = boxes.t()
    x1, y1, x2, y2, area = columns
    torch.mul(x2 - x1 + offset, y2 - y1 + offset, out=area)
    return columns


def _groups(columns: Tensor, rule: _Rule) -> tuple[Tensor, ...] | None:
    """Cut the boxes into groups that cannot overlap, each with its places by falling score; None for a single one.

    ``batched_nms`` moves the boxes of each class or level to a place of their own, so that most pairs need no look.
    On other devices than the CPU looking costs less than cutting."""
    count = columns.size(1)
    if columns.device.type != 'cpu' or count <= BLOCK or rule.threshold < 0 or not bool(columns[4].isfinite().all()):
        return None
    left, place = columns[0].sort()
    reach = (columns[2, place] + rule.offset).cummax(0)[0]
    # A box that begins after all before it ended shares no side with them, rounding of the sum included.
    begins = torch.cat([left.new_ones(1, dtype=torch.bool), left[1:] > reach[:-1]])
    first = torch.where(begins, torch.arange(count), 0).cummax(0)[0]
    group = torch.empty_like(place)
    group[place] = torch.div(first, BLOCK, rounding_mode='trunc')  # small neighbors go into one group
    sizes = [size for size in torch.bincount(group).tolist() if size]
    return group.argsort(stable=True).split(sizes) if len(sizes) > 1 else None


def _suppresses(above: Tensor, below: Tensor, rule: _Rule) -> Tensor:
    """1 where one of the boxes ``above`` (5, K) overlaps one of ``below`` (5, R) too much, 0 elsewhere: (K, R).

    In the type of the boxes and in place: PyTorch compares into bool several times as slowly."""
    shared = _shared_side(above[0], above[2], below[0], below[2], rule.offset)
    shared.mul_(_shared_side(above[1], above[3], below[1], below[3], rule.offset))
    union = above[4][:, None] + below[4]
    union -= shared
    shared /= union
    return shared.ge_(rule.threshold) if rule.inclusive else shared.gt_(rule.threshold)


def _shared_side(low: Tensor, high: Tensor, other_low: Tensor, other_high: Tensor, offset: int) -> Tensor:
    """Length of the part that two runs share, (K,), (R,) -> (K, R)."""
    side = torch.minimum(high[:, None], other_high)
    side -= torch.maximum(low[:, None], other_low)
    if offset:
        side += offset
    return side.clamp_min_(0)


def _blocks(columns: Tensor, rule: _Rule, owners: bool) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Suppress block by block; places in the order of scores.

    Yields:
        Kept places, suppressed places and the kept place that suppressed each; the last two are empty without
        ``owners``.
    """
    on_cpu = columns.device.type == 'cpu'
    block, limit = (BLOCK, MAX_PAIRS) if on_cpu else (BLOCK_ELSEWHERE, MAX_PAIRS_ELSEWHERE)
    place = torch.arange(columns.size(1), device=columns.device)
    nothing = place[:0]
    while len(place):
        head, rest = place[:block], place[block:]
        above, below = columns[:, :block], columns[:, block:]
        table = _suppresses(above, above, rule).triu_(1)
        stays = _fixed_point(table)
        kept = stays.nonzero().squeeze(1)
        gone, owner = nothing, nothing
        if owners:
            gone, owner = head[~stays], head[kept[table[kept].argmax(0)[~stays]]]
        if len(rest):
            hit, first = _hits(above[:, kept], below, rule, limit, owners)
            if owners:
                gone, owner = torch.cat([gone, rest[hit]]), torch.cat([owner, head[kept[first[hit]]]])
            alive = (~hit).nonzero().squeeze(1)
            rest, below = rest[alive], below[:, alive]
        yield head[kept], gone, owner
        place, columns = rest, below


def _fixed_point(table: Tensor) -> Tensor:
    """Who stays in a block; ``table`` (K, K) is 1 where a row's box would suppress a column's, 0 elsewhere.

    Each round settles at least one more box by falling score; most blocks need a handful of rounds.  Once all are
    settled more rounds change nothing: other devices than the CPU look at the result of several at a time."""
    rounds = 1 if table.device.type == 'cpu' else ROUNDS_ELSEWHERE
    now = torch.ones_like(table[0])
    while True:
        for _ in range(rounds):
            stays, now = now, (now @ table == 0).to(table.dtype)
        if torch.equal(now, stays):
            return stays.bool()


def _hits(above: Tensor, below: Tensor, rule: _Rule, limit: int, owners: bool) -> tuple[Tensor, Tensor]:
    """Which of ``below`` (5, R) any of ``above`` (5, K) suppresses, and with ``owners`` the first that does; (R,)."""
    step = max(limit // max(above.size(1), 1), 1)
    hits, firsts = [], []
    for part in below.split(step, dim=1):
        table = _suppresses(above, part, rule)
        hits.append(table.amax(0) > 0)
        if owners:
            firsts.append(table.argmax(0))
    return torch.cat(hits), torch.cat(firsts) if owners else below.new_empty(0)
