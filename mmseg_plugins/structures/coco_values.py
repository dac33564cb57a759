"""Values of COCO files that other writers spell differently: numbers, flags and segmentations with one meaning."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

_NUMBER = re.compile(r'\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?\s*')
_FLAGS = {'0': 0, '1': 1, '0.0': 0, '1.0': 1, 'false': 0, 'true': 1}


class Cleaned(NamedTuple):
    """A segmentation in the form of the format, and how it was read."""

    value: Any
    how: str


def as_number(value: Any) -> float | int | None:
    """A number, or a text that spells a finite one; None for all else."""
    if type(value) in (int, float):
        number: float | int = value
        return number
    if type(value) is str and _NUMBER.fullmatch(value) and math.isfinite(float(value)):
        number = float(value)
        return int(number) if number.is_integer() else number
    return None


def as_whole(value: Any) -> int | None:
    """256 for 256, 256.0 and '256'; None for what is no whole number."""
    if type(value) is str and re.fullmatch(r'-?\d{1,18}', value):
        return int(value)
    number = as_number(value)
    if number is None or not math.isfinite(number) or number != int(number):
        return None
    return int(number)


def as_flag(value: Any) -> int | None:
    """0 or 1 of a flag; null and NaN (a table's empty cell) are 0; None for what is neither."""
    if value is None or value != value:
        return 0
    if isinstance(value, (bool, int, float)):
        return int(value) if value in (0, 1) else None
    return _FLAGS.get(value.lower()) if isinstance(value, str) else None


def clean_segmentation(mask: Any) -> Cleaned | None:
    """The segmentation that a differently written one stands for; None where it is in form or has no single meaning.

    Args:
        mask: flat ``[x, y, ...]``, points ``[[x, y], ...]`` or ``[{"x": .., "y": ..}, ...]``, one list too deep, a text
            of JSON, numbers as texts, an RLE with ``"b'...'"``.
    """
    if isinstance(mask, list) and isinstance(mask[0], list) and len(mask[0]) > 2 and type(mask[0][0]) in (int, float):
        return None  # the usual case
    if isinstance(mask, str) and mask[:1] in ('[', '{'):
        try:
            value = json.loads(mask)
        except (ValueError, RecursionError):
            return None
        inner = clean_segmentation(value) if value else None
        return Cleaned(inner.value if inner else value, 'a text of JSON is read')
    if isinstance(mask, dict):
        return _clean_rle(mask)
    return _clean_polygons(mask) if isinstance(mask, list) else None


def _flat(points: Any) -> list[float] | None:
    """Coordinates of one polygon: numbers, texts of numbers, or at least three points."""
    if not isinstance(points, list) or not points:
        return None
    if all(isinstance(point, dict) and {'x', 'y'} <= point.keys() for point in points):
        points = [[point['x'], point['y']] for point in points]
    if all(isinstance(point, list) and len(point) == 2 for point in points):
        if len(points) < 3:
            return None
        points = [side for point in points for side in point]
    numbers = [as_number(value) for value in points]
    return None if None in numbers else [value for value in numbers if value is not None]


def _clean_polygons(mask: Sequence[Any]) -> Cleaned | None:
    if len(mask) == 1 and isinstance(mask[0], dict) and 'counts' in mask[0]:
        inner = _clean_rle(mask[0])
        return Cleaned(inner.value if inner else mask[0], 'a list of one RLE is read as the RLE')
    whole = _flat(list(mask))
    if whole is not None and len(whole) >= 6:
        return Cleaned([whole], 'a list of numbers or points is read as one polygon')
    if len(mask) == 1 and isinstance(mask[0], list) and mask[0] and all(isinstance(p, list) for p in mask[0]):
        parts = [_flat(part) for part in mask[0]]
        if len(mask[0][0]) > 2 and None not in parts:
            return Cleaned(parts, 'a list in a list is read as polygons')
    parts = [_flat(part) if part else part for part in mask]
    if None in parts or parts == mask:
        return None
    return Cleaned(parts, 'points or texts are read as coordinates')


def _clean_rle(rle: dict[str, Any]) -> Cleaned | None:
    size, counts = rle.get('size'), rle.get('counts')
    sides = [as_whole(side) for side in size] if isinstance(size, list) else []
    if isinstance(counts, str) and counts[:2] in ("b'", 'b"'):
        try:
            counts = ast.literal_eval(counts).decode('ascii')
        except (ValueError, SyntaxError, UnicodeDecodeError):
            return None
    elif isinstance(counts, str) and counts[:1] == '[':
        try:
            counts = json.loads(counts)
        except ValueError:
            return None
    if isinstance(counts, list) and not all(type(run) is int for run in counts):
        runs = [as_whole(run) for run in counts]
        counts = counts if None in runs else runs
    fitting = {**rle, 'size': size if None in sides else sides or size, 'counts': counts}
    same = fitting['size'] == size and all(type(side) is int for side in size or ()) and counts is rle.get('counts')
    return None if same else Cleaned(fitting, 'an RLE is read with whole numbers and plain text')
