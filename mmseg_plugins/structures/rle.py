"""COCO run-length masks: pycocotools encodes and decodes, what comes from a file is validated here first.

A malformed compressed RLE makes pycocotools abort, crash or hang the whole process.

The format (https://github.com/cocodataset/cocoapi, common/maskApi.c, BSD):
the mask of shape (H, W) is read column by column; ``counts`` holds the
lengths of the runs, alternately background and foreground, beginning with
background (0 when the first pixel is set), and they sum to H * W.  From the
fourth run on, the difference to the run two before is stored.  Each number is
cut into groups of 5 bits, lowest first; a group is written as the character
``48 + bits``, plus 32 when more groups follow; bit 16 of the last group is the
sign.  So a 2 x 2 mask with its right column set has the runs [2, 2] -> '22'.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

Masks = np.ndarray | Sequence[Any]  # (N, H, W) array, or N dense (H, W) masks or RLE dicts
_FIRST_CHAR, _LAST_CHAR = 48, 111  # '0' .. 'o': 64 characters, 6 bits each
_MAX_GROUPS = 6  # 6 groups of 5 bits: runs below 2 ** 29; a seventh overflows pycocotools' C integers


def encode_mask(mask: np.ndarray) -> dict[str, Any]:
    """COCO's compressed RLE ``{'size': [H, W], 'counts': str}`` of a mask (H, W), ready for JSON."""
    return text_rle(coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8)))


def encode_labels(labels: np.ndarray) -> dict[int, dict[str, Any]]:
    """:func:`encode_mask` of every value of a map (H, W) of whole numbers, in one pass over its pixels."""
    height, width = labels.shape
    flat = labels.T.reshape(-1)  # column by column, as runs are counted
    order = np.argsort(flat, kind='stable')
    edges = np.flatnonzero(np.diff(flat[order])) + 1
    encoded = {}
    for places in np.split(order, edges) if len(order) else []:
        gaps = np.flatnonzero(np.diff(places) > 1)
        starts, ends = places[np.append(0, gaps + 1)], places[np.append(gaps, -1)] + 1
        runs = np.stack([starts - np.append(0, ends[:-1]), ends - starts], axis=1).reshape(-1).tolist()
        if ends[-1] < flat.size:
            runs.append(flat.size - int(ends[-1]))
        encoded[int(flat[places[0]])] = text_rle(as_rle({'size': [height, width], 'counts': runs}, height, width))
    return encoded


def text_rle(rle: Mapping[str, Any]) -> dict[str, Any]:
    """A compressed RLE with ``counts`` as text, ready for JSON."""
    counts = rle['counts']
    return {'size': [int(side) for side in rle['size']],
            'counts': counts.decode('ascii') if isinstance(counts, bytes) else counts}


def rle_box(rle: Mapping[str, Any]) -> list[int]:
    """COCO's box [x, y, width, height] in whole pixels of a **sound** compressed RLE; zeros for an empty mask."""
    return [int(value) for value in coco_mask.toBbox(dict(rle))]


def rle_area(rle: Mapping[str, Any]) -> int:
    """Pixels of the mask of a **sound** compressed RLE."""
    return int(coco_mask.area(dict(rle)))


def counts_to_runs(counts: str | bytes) -> list[int]:
    """Run lengths of a compressed ``counts`` string.

    Raises:
        ValueError: a character outside the alphabet, a number cut off at the
            end of the string or longer than 30 bits, or a negative run.
    """
    codes = counts if isinstance(counts, bytes) else counts.encode('utf-8', errors='surrogatepass')
    runs: list[int] = []
    value = shift = 0
    for position, code in enumerate(codes):
        if not _FIRST_CHAR <= code <= _LAST_CHAR:
            raise ValueError(f'byte {code} at position {position} of counts is outside the RLE alphabet "0".."o"')
        group = code - _FIRST_CHAR
        value |= (group & 31) << shift
        shift += 5
        if shift > 5 * _MAX_GROUPS:
            raise ValueError(f'the number ending at position {position} of counts is longer than 30 bits')
        if group & 32:
            continue
        if group & 16:
            value -= 1 << shift
        if len(runs) > 2:
            value += runs[-2]
        if value < 0:
            raise ValueError(f'run {len(runs)} of counts is negative ({value})')
        runs.append(value)
        value = shift = 0
    if shift:
        raise ValueError('counts ends in the middle of a number (cut off?)')
    return runs


def _size_problem(size: Any, height: int | None, width: int | None) -> str | None:
    if not isinstance(size, (list, tuple)) or len(size) != 2:
        return f'size must be [height, width], got {size!r}'
    if not all(isinstance(v, numbers.Integral) and not isinstance(v, bool) for v in size):
        return f'size must hold two integers, got {list(size)!r}'
    if min(size) <= 0:
        return f'size must be positive, got {list(size)!r}'
    if height is not None and width is not None and (size[0], size[1]) != (height, width):
        return f"size {list(size)!r} is not the image's [height, width] = {[height, width]!r}"
    return None


def _list_problem(counts: Sequence[Any]) -> str | None:
    for i, run in enumerate(counts):
        if not isinstance(run, numbers.Integral) or isinstance(run, bool):
            return f'run {i} of counts is no integer: {run!r}'
        if run < 0:
            return f'run {i} of counts is negative ({run})'
    return None


def check_rle(rle: Any, height: int | None = None, width: int | None = None) -> str | None:
    """Why a COCO RLE must not reach pycocotools; None when it is sound.

    Args:
        rle: the value found under ``segmentation``: ``{'size': [H, W],
            'counts': list | str | bytes}``.
        height, width: size of the image in pixels; None checks the RLE alone.
    """
    if not isinstance(rle, Mapping):
        return f'an RLE must be an object with size and counts, got {type(rle).__name__}'
    missing = [key for key in ('size', 'counts') if key not in rle]
    if missing:
        return f'the RLE lacks {" and ".join(missing)}'
    problem = _size_problem(rle['size'], height, width)
    if problem:
        return problem
    counts = rle['counts']
    if isinstance(counts, (str, bytes)):
        try:
            runs: Sequence[int] = counts_to_runs(counts)
        except ValueError as error:
            return str(error)
    elif isinstance(counts, (list, tuple)):
        problem = _list_problem(counts)
        if problem:
            return problem
        runs = counts
    else:
        return f'counts must be a string or a list of integers, got {type(counts).__name__}'
    total, pixels = sum(runs), rle['size'][0] * rle['size'][1]
    if total != pixels:
        return f'the runs sum to {total}, the mask has {rle["size"][0]} x {rle["size"][1]} = {pixels} pixels'
    return None


def decode_rle(rle: Mapping[str, Any]) -> np.ndarray:
    """The mask (H, W), uint8 in {0, 1}, of an RLE; ValueError where :func:`check_rle` objects."""
    problem = check_rle(rle)
    if problem:
        raise ValueError(problem)
    return np.asarray(coco_mask.decode(as_rle(rle, *rle['size'])))


def as_rle(segmentation: Any, height: int, width: int) -> dict[str, Any]:
    """One compressed RLE of a **sound** segmentation: an RLE of either kind, or polygons, which are drawn and joined.

    What comes from a file goes through :func:`check_rle` or :func:`check_polygons` first.
    """
    if isinstance(segmentation, Mapping):
        if isinstance(segmentation['counts'], (str, bytes)):
            return dict(segmentation)
        return dict(coco_mask.frPyObjects(dict(segmentation), height, width))
    return dict(coco_mask.merge(coco_mask.frPyObjects(segmentation, height, width)))


def iter_masks(masks: Masks) -> Iterator[np.ndarray]:
    """Yield N masks (H, W) bool one at a time, so that N RLEs are never all dense at once.

    Args:
        masks: (N, H, W), or N masks (H, W) and **sound** RLEs.
    """
    for mask in masks:
        dense = coco_mask.decode(as_rle(mask, *mask['size'])) if isinstance(mask, Mapping) else np.asarray(mask)
        yield dense.astype(bool)


def check_polygons(polygons: Any, height: int, width: int) -> str | None:
    """Why a list of COCO polygons must not reach pycocotools; None when it is sound.

    Polygons that are merely too short are dropped by mmdet and no danger, see
    :func:`short_polygons`.

    Args:
        polygons: ``[[x1, y1, x2, y2, ...], ...]`` in pixels.
        height, width: of the image in pixels; points may lie outside by at
            most 10 times the longer side (rasterizing takes memory with it).
    """
    if not isinstance(polygons, (list, tuple)):
        return f'polygons must be a list of lists of coordinates, got {type(polygons).__name__}'
    limit = 11 * max(height, width)
    for i, polygon in enumerate(polygons):
        if not isinstance(polygon, (list, tuple)):
            return f'polygon {i} must be a list of coordinates [x1, y1, ...], got {polygon!r:.40}'
        try:
            total = math.fsum(polygon)
        except (TypeError, ValueError, OverflowError):  # no numbers; inf - inf; a sum beyond float
            return f'polygon {i} holds something that is no finite number'
        if not math.isfinite(total):
            return f'polygon {i} holds NaN or infinity'
        if polygon and (max(polygon) > limit or min(polygon) < -limit):
            return f'polygon {i} reaches {min(polygon):g} .. {max(polygon):g}, far outside the {width} x {height} image'
    return None


def short_polygons(polygons: Sequence[Sequence[float]]) -> list[int]:
    """Indices of the polygons that mmdet's loader drops: fewer than 6 numbers, or an odd number of them."""
    return [i for i, polygon in enumerate(polygons) if len(polygon) < 6 or len(polygon) % 2]
