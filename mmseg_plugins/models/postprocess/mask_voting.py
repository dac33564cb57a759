"""Mask voting: every kept box takes a weighted vote of the masks of all RoIs around it (FCIS, section 2.2).

Letters: N RoIs, C classes without background, S side of a RoI's mask map (21), D kept detections, H x W the image.

    boxes (N, 4), scores (N, C) --per-class NMS, limits--> D (RoI, class) pairs, class-major
    boxes, scores               --IoU >= merge_iou------> weights (D, N), each row sums to 1
    masks (N, S, S)             --resized to the rounded box, binarised--> {0, 1} on the image
    weights x binary masks      = canvas (D, H, W) in [0, 1]; canvas >= binary_thr has the tight box of the detection
    canvas inside that box      --resized to S x S------> the detection's soft mask

Paper: https://arxiv.org/abs/1611.07709 .  Two implementations exist and differ; both are followed exactly:

* ``inclusive`` boxes: cpu_mask_voting of https://github.com/msracver/FCIS (commit 309f6c9, MIT),
  lib/mask/mask_transform.py;
* ``half_open`` boxes: https://github.com/chainer/chainercv (commit 7159616, MIT), experimental/links/model/fcis/utils.

They store whole canvases, one detection after the other.  Here the image is worked through in tiles, all detections at
once, to find the tight boxes; then the canvas is evaluated only at the 2S x 2S pixels that the resizing reads.  Memory
does not grow with the image, and nothing is approximated.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from mmseg_plugins.ops.bilinear import resize_taps
from mmseg_plugins.structures.boxes import BoxMode, box_overlaps

TILE_ELEMENTS = 2**23  # floats of the largest temporary while boxes are searched or masks pasted: 32 MiB
PAIR_ELEMENTS = 2**23  # the same while masks are resampled and while boxes are compared class by class
FIRST_CANDIDATES = 10  # of all pairs of RoI and class, 10 times the limit are suppressed first
TILE_SIDES = (32, 256)


class VotedInstances(NamedTuple):
    """Result of :func:`mask_voting`, class by class, inside a class by falling score; M <= D detections.

    Attributes:
        bboxes: (M, 4) float32 tight boxes x1 y1 x2 y2 in whole pixels of the image: inclusive or half-open, as
            they came.
        scores: (M,) probability of the class at the RoI that was kept.
        labels: (M,) int64 in [0, C).
        masks: (M, S, S) float32 in [0, 1]: share of the votes inside the box; :func:`paste_masks` makes them binary.
    """

    bboxes: Tensor
    scores: Tensor
    labels: Tensor
    masks: Tensor


@torch.no_grad()
def mask_voting(
    boxes: Tensor,
    masks: Tensor,
    scores: Tensor,
    image_shape: tuple[int, int],
    *,
    box_mode: BoxMode = BoxMode.INCLUSIVE,
    nms_iou: float = 0.3,
    merge_iou: float = 0.5,
    binary_thr: float = 0.4,
    max_per_image: int = 100,
    score_thr: float = 1e-3,
    drop_flat: bool = False,
) -> VotedInstances:
    """Detections of one image from its RoIs, their class probabilities and their masks.

    A RoI votes with its own mask, that of its own best class, whatever class it votes for.  More than
    ``max_per_image`` detections come out when scores tie at the last place, as in both originals.  Equal scores are
    taken in the order of the RoIs (the originals: in that of an unstable sort).

    When no pixel of a canvas reaches ``binary_thr`` (votes that do not overlap), the detection is dropped where boxes
    are half-open.  Where they are inclusive it is kept as the one pixel (W // 2, H // 2), its mask constant at the
    canvas's value there.

    Args:
        boxes: (N, 4) x1 y1 x2 y2 in pixels of the image, clipped to it; see ``box_mode``.
        masks: (N, S, S) probabilities of 'inside', in [0, 1].
        scores: (N, C) class probabilities without the background's.
        image_shape: (H, W).
        box_mode: How boxes count their pixels, and whose rules hold.  Inclusive: NMS removes IoU > ``nms_iou``,
            at most ``max_per_image`` boxes of a class; half-open: NMS removes IoU >= ``nms_iou``, masks clipped to
            [0, 1].
        nms_iou: of the boxes of one class.
        merge_iou: RoIs with at least this IoU with a kept box vote for it.
        binary_thr: > 0; a mask, and a canvas, is inside where it is at least this.
        max_per_image: limit over all classes.
        score_thr: least probability of a detection.
        drop_flat: drop detections whose box has x1 = x2 or y1 = y2, thus also those of empty canvases, as the GPU
            variant of the original does, which its configs use.  (It also reads a pixel beyond the box; not followed.)

    Raises:
        ValueError: shapes that do not fit, or a threshold out of range.
    """
    _check(boxes, masks, scores, binary_thr, max_per_image)
    inclusive = box_mode is BoxMode.INCLUSIVE
    # Half precision cannot hold pixel coordinates beyond 256 to the pixel.
    with torch.autocast(boxes.device.type, enabled=False):
        boxes, masks, scores = boxes.float(), masks.float(), scores.float()
        iou = box_overlaps(boxes, boxes, box_mode)
        suppress = iou > nms_iou if inclusive else iou >= nms_iou
        kept, labels = _select(suppress, scores, max_per_image if inclusive else None, max_per_image, score_thr)
        weights = _vote_weights(iou[kept] >= merge_iou, scores[:, labels].T)
        areas = _pixels(boxes, box_mode)
        voted, keep = _fill_empty(_tight_boxes(weights, masks, areas, image_shape, binary_thr), image_shape, inclusive)
        corners = box_mode.from_half_open(voted)
        if drop_flat:
            keep &= (corners[:, 2:] > corners[:, :2]).all(1)
        soft = _resample(weights[keep], masks, areas, voted[keep], masks.shape[-1], binary_thr)
        soft = soft if inclusive else soft.clamp(0, 1)
        return VotedInstances(corners[keep].float(), scores[kept, labels][keep], labels[keep], soft)


def _vote_weights(near: Tensor, scores: Tensor) -> Tensor:
    """(D, N) weights of each detection's voters, which sum to 1: the scores of its class at the RoIs near it."""
    weights = near * scores
    return weights / weights.sum(1, keepdim=True).clamp(min=torch.finfo(torch.float32).tiny)


@torch.no_grad()
def paste_masks(
    bboxes: Tensor,
    masks: Tensor,
    image_shape: tuple[int, int],
    *,
    box_mode: BoxMode = BoxMode.INCLUSIVE,
    binary_thr: float = 0.4,
) -> Tensor:
    """Binary masks on the image: each map resized to its rounded box, and compared with the threshold.

    Args:
        bboxes: (M, 4) as :class:`VotedInstances` has them, not necessarily in whole pixels.
        masks: (M, S, S) in [0, 1].
        image_shape: (H, W).
        box_mode: Inclusive: inside where the map is >= ``binary_thr``; half-open: where it is larger.

    Returns:
        (M, H, W) bool.
    """
    height, width = image_shape
    pasted = torch.zeros(len(bboxes), height, width, dtype=torch.bool, device=bboxes.device)
    with torch.autocast(bboxes.device.type, enabled=False):
        masks, areas = masks.float(), _pixels(bboxes.float(), box_mode)
        for rows, columns, here in _tiles(areas, image_shape):
            values = _values(masks[here], areas[here], _line(rows, areas), _line(columns, areas))
            pasted[here, rows, columns] = values >= binary_thr if box_mode is BoxMode.INCLUSIVE else values > binary_thr
    return pasted


def class_nms(suppress: Tensor, scores: Tensor) -> Tensor:
    """Greedy non-maximum suppression of many classes at once.

    Starting from 'all kept', 'kept = not suppressed by a better one that is kept' is repeated until nothing changes:
    after k rounds the k best of each class are right, and the fixed point is the greedy result.

    Args:
        suppress: (N, N) bool, symmetric: whether two boxes exclude each other.
        scores: (N, C); boxes with a score of -inf do not take part in that class.

    Returns:
        (N, C) bool.
    """
    classes = scores.shape[1]
    kept = torch.zeros_like(scores, dtype=torch.bool)
    valid = scores > -torch.inf
    order = scores.sort(dim=0, descending=True, stable=True).indices
    longest = int(valid.sum(0).max()) if scores.numel() else 0
    step = max(1, PAIR_ELEMENTS // max(1, longest**2))
    for first in range(0, classes if longest else 0, step):
        ranked = order[:longest, first:first + step].T  # (c, L) RoIs by falling score
        better = suppress[ranked[:, :, None], ranked[:, None, :]].triu(1).to(scores.dtype)  # (c, L, L)
        takes_part = valid[:, first:first + step].T.gather(1, ranked)
        state = takes_part
        while True:
            beaten = torch.bmm(state[:, None].to(scores.dtype), better)[:, 0] > 0
            following = takes_part & ~beaten
            if torch.equal(following, state):
                break
            state = following
        kept[:, first:first + step].T.scatter_(1, ranked, state)
    return kept


def _select(
    suppress: Tensor, scores: Tensor, class_limit: int | None, limit: int, score_thr: float
) -> tuple[Tensor, Tensor]:
    """RoI and class (D,) of the boxes kept, class-major, inside a class by falling score.

    A box is never suppressed by one of lower score, so the best candidates of all classes are suppressed first, and
    more of them only if these do not yield ``limit`` boxes.
    """
    candidates = torch.where(scores >= score_thr, scores, -torch.inf)
    ordered = candidates.flatten().sort(descending=True).values
    total, taken = int((ordered > -torch.inf).sum()), FIRST_CANDIDATES * limit
    while True:
        least = ordered[min(taken, total) - 1] if total else ordered.new_tensor(torch.inf)
        kept = class_nms(suppress, torch.where(candidates >= least, candidates, -torch.inf))
        ranked, order = torch.where(kept, scores, -torch.inf).sort(dim=0, descending=True, stable=True)
        ranked, order = ranked[:class_limit], order[:class_limit]
        found = ranked[ranked > -torch.inf]
        if len(found) >= limit or taken >= total:
            break
        taken *= 4
    if len(found):
        least = found.topk(min(limit, len(found))).values.min()
    labels, ranks = (ranked >= least).T.nonzero(as_tuple=True)
    return order[ranks, labels], labels


def _pixels(boxes: Tensor, box_mode: BoxMode) -> Tensor:
    """Half-open pixel ranges (N, 4) x1 y1 x2 y2, int64, of boxes rounded half to even as numpy does."""
    return box_mode.to_half_open(boxes.round().long())


def _shares(low: Tensor, high: Tensor, positions: Tensor, size: int) -> Tensor:
    """Share of each of ``size`` samples in the pixels of a line when they are resized to [low, high).

    Bilinear with half-pixel centers and repeated borders, which is OpenCV's rule for enlarging and reducing.

    Args:
        low, high: (N,) half-open pixel range of each box.
        positions: (P,), or (N, P), pixels.

    Returns:
        (N, P, size) float32, rows summing to 1 inside the box and to 0 outside.
    """
    offset = (positions - low[:, None]).float()
    source = (offset + 0.5) * (size / (high - low).clamp(min=1).float())[:, None] - 0.5
    inside = (positions >= low[:, None]) & (positions < high[:, None])
    samples = torch.arange(size, device=low.device, dtype=torch.float32)
    return (1 - (source.clamp(0, size - 1)[..., None] - samples).abs()).clamp(min=0) * inside[..., None]


def _values(masks: Tensor, areas: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Masks (n, S, S), resized to their boxes, at some rows (P,) or (n, P) and columns of the image: (n, P, Q)."""
    size = masks.shape[-1]
    down = _shares(areas[:, 1], areas[:, 3], rows, size)
    across = _shares(areas[:, 0], areas[:, 2], columns, size)
    return down @ masks @ across.transpose(1, 2)


def _line(positions: slice, like: Tensor) -> Tensor:
    return torch.arange(positions.start, positions.stop, device=like.device)


def _tiles(areas: Tensor, image_shape: tuple[int, int]) -> Iterator[tuple[slice, slice, Tensor]]:
    """Rows, columns and the boxes (indices) that touch them, of the tiles of the image that have any."""
    height, width = image_shape
    side = int((TILE_ELEMENTS / max(1, len(areas)))**0.5)
    side = min(max(side, TILE_SIDES[0]), TILE_SIDES[1])
    tops, lefts = (torch.arange(0, length, side, device=areas.device) for length in (height, width))
    in_rows = (areas[:, 1] < tops[:, None] + side) & (areas[:, 3] > tops[:, None])
    in_columns = (areas[:, 0] < lefts[:, None] + side) & (areas[:, 2] > lefts[:, None])
    touched = (in_rows[:, None] & in_columns).cpu()  # one transfer for all tiles
    for i, j in touched.any(2).nonzero().tolist():
        rows = slice(i * side, min((i + 1) * side, height))
        columns = slice(j * side, min((j + 1) * side, width))
        yield rows, columns, touched[i, j].nonzero()[:, 0].to(areas.device)


def _tight_boxes(weights: Tensor, masks: Tensor, areas: Tensor, image_shape: tuple[int, int], thr: float) -> Tensor:
    """Half-open boxes (D, 4), int64, around the pixels in which a canvas reaches ``thr``; x2 <= x1 when none does."""
    height, width = image_shape
    low = torch.tensor([width, height], device=areas.device).repeat(len(weights), 1)
    high = torch.zeros_like(low)
    voters = (weights > 0).any(0).nonzero()[:, 0]
    weights, masks, areas = weights[:, voters], masks[voters], areas[voters]
    for row_slice, column_slice, here in _tiles(areas, image_shape):
        rows, columns = _line(row_slice, areas), _line(column_slice, areas)
        votes = weights[:, here]
        involved = (votes > 0).any(1).nonzero()[:, 0]
        binary = (_values(masks[here], areas[here], rows, columns) >= thr).to(weights.dtype)
        canvas = (votes[involved] @ binary.flatten(1)).unflatten(1, binary.shape[1:]) >= thr
        for axis, positions in ((0, columns), (1, rows)):
            hit = canvas.any(1 + axis)  # (d, positions)
            first = torch.where(hit, positions, width + height).amin(1)
            last = torch.where(hit, positions + 1, 0).amax(1)
            low[involved, axis] = torch.minimum(low[involved, axis], first)
            high[involved, axis] = torch.maximum(high[involved, axis], last)
    return torch.cat([low, high], 1)


def _fill_empty(boxes: Tensor, image_shape: tuple[int, int], keep_empty: bool) -> tuple[Tensor, Tensor]:
    """Boxes (D, 4) with the centre pixel in place of empty ones, and which of them (D,) stay."""
    height, width = image_shape
    empty = boxes[:, 2] <= boxes[:, 0]
    center = boxes.new_tensor([width // 2, height // 2, width // 2 + 1, height // 2 + 1])
    return torch.where(empty[:, None], center, boxes), ~empty | keep_empty


def _resample(weights: Tensor, masks: Tensor, areas: Tensor, boxes: Tensor, size: int, thr: float) -> Tensor:
    """Canvases inside the boxes (D, 4), resized to (D, S, S): only the pixels that this reads are evaluated."""
    rows, row_share = _taps(boxes[:, 1], boxes[:, 3], size)
    columns, column_share = _taps(boxes[:, 0], boxes[:, 2], size)
    canvas = weights.new_zeros(len(weights), 2 * size, 2 * size)
    detections, voters = (weights > 0).nonzero(as_tuple=True)
    step = max(1, PAIR_ELEMENTS // (2 * size)**2)
    for d, n in zip(detections.split(step), voters.split(step), strict=True):
        binary = (_values(masks[n], areas[n], rows[d], columns[d]) >= thr).to(weights.dtype)
        canvas.index_add_(0, d, binary * weights[d, n][:, None, None])
    near, far = canvas.unflatten(1, (2, size)).unbind(1)
    lines = near + (far - near) * row_share[:, :, None]  # (D, S, 2S)
    near, far = lines.unflatten(2, (2, size)).unbind(2)
    return near + (far - near) * column_share[:, None, :]


def _taps(low: Tensor, high: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Pixels (D, 2S), first the near then the far ones, and shares (D, S) of the latter, to resize [low, high)."""
    near, far, share = resize_taps(high - low, size)
    return torch.cat([near, far], 1) + low[:, None], share


def _check(boxes: Tensor, masks: Tensor, scores: Tensor, binary_thr: float, limit: int) -> None:
    square = masks.ndim == 3 and masks.shape[1] == masks.shape[2] > 0
    if boxes.shape != (len(boxes), 4) or not square or scores.ndim != 2 or len({*map(len, (boxes, masks, scores))}) > 1:
        raise ValueError(
            f'boxes {tuple(boxes.shape)}, masks {tuple(masks.shape)} and scores {tuple(scores.shape)} do not fit. '
            'Rule: (N, 4), (N, S, S) and (N, C), one RoI a row. Fix: take the channel "inside" of the masks, and '
            "drop the background's column of the scores.")
    if not 0 < binary_thr <= 1 or limit < 1:
        raise ValueError(f'binary_thr must be in (0, 1] and max_per_image at least 1, got {binary_thr} and {limit}')
