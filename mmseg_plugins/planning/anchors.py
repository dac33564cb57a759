"""Anchors on their real grid: the best IoU that each object can reach, and the fewest scales that fit.

For one anchor shape the IoU falls with the distance of the centers along each axis, so the best place on the grid is
the nearest one along each axis: the best IoU of an object is exact without listing any anchor of the image.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from mmdet.registry import TASK_UTILS

from mmseg_plugins.planning.objects import Objects

RECALL_IOU = 0.5
ENOUGH = 0.95  # of the objects that any scale reaches with RECALL_IOU
MOST_SCALES = 6
STEPS = 6  # candidate scales an octave; 1, 2 or 3 of them are used
LOWEST, HIGHEST = -1, 5  # octaves of the candidate scales: 0.5 .. 32


class FittedScales(NamedTuple):
    """Scales and the best IoU (N,) of each object with them."""

    scales: list[float]
    ious: np.ndarray


def best_ious(objects: Objects, generator: Mapping[str, Any], allowed_border: int = -1) -> np.ndarray:
    """Best IoU (N,) of each object over all anchors of its input.

    Args:
        generator: Config of an ``AnchorGenerator`` or a subclass (``mmseg_plugins.RoundedAnchorGenerator``).
        allowed_border: As in ``train_cfg.rpn``: anchors that reach further out of the image are not used;
            negative takes all.
    """
    built = TASK_UTILS.build(dict(generator))
    best = np.zeros(len(objects))
    for stride, shapes in zip(built.strides, built.base_anchors, strict=True):
        for base in shapes.double().numpy():
            np.maximum(best, _best_of_shape(objects, base, stride, allowed_border), out=best)
    return best


def _best_of_shape(objects: Objects, base: np.ndarray, stride: tuple[int, int], border: int) -> np.ndarray:
    """Best IoU (N,) of one anchor shape x1 y1 x2 y2 that stands at every multiple of ``stride`` (x, y)."""
    shared = np.ones(len(objects))
    for axis, step in enumerate(stride):
        side = objects.padded[objects.image, 1 - axis]
        last = -(-side // step) - 1
        first = np.zeros_like(last)
        if border >= 0:  # mmdet: x1 >= -border and x2 < width + border, in the image without padding
            image_side = objects.inputs[objects.image, 1 - axis]
            first = np.maximum(first, np.ceil((-border - base[axis]) / step)).astype(np.int64)
            last = np.minimum(last, np.ceil((image_side + border - base[axis + 2]) / step).astype(np.int64) - 1)
        center = (objects.boxes[:, axis] + objects.boxes[:, axis + 2]) / 2
        index = np.rint((center - (base[axis] + base[axis + 2]) / 2) / step)
        index = np.minimum(np.maximum(index, first), last)
        low = np.maximum(objects.boxes[:, axis], base[axis] + index * step)
        high = np.minimum(objects.boxes[:, axis + 2], base[axis + 2] + index * step)
        shared *= np.where(last >= first, np.clip(high - low, 0, None), 0)
    area = (base[2] - base[0]) * (base[3] - base[1])
    return shared / np.maximum(area + objects.sizes**2 - shared, 1e-9)


def with_scales(generator: Mapping[str, Any], scales: list[float]) -> dict[str, Any]:
    """The generator's config with other scales, however it wrote its own."""
    plain = {key: value for key, value in generator.items() if key not in ('octave_base_scale', 'scales_per_octave')}
    return {**plain, 'scales': scales}


def fit_scales(objects: Objects, generator: Mapping[str, Any], allowed_border: int = -1) -> FittedScales:
    """The smallest set of evenly spaced scales with which enough objects have an anchor.

    Reachable are the objects with an IoU of ``RECALL_IOU`` under any of the 37 candidate scales, 0.5 to 32, six to an
    octave.  Sets of 1, 2, ... 6 of them, evenly spaced with 1, 2 or 3 to an octave, are tried; the first number of
    scales with which ``ENOUGH`` of the reachable objects reach that IoU is taken, and of its sets that do so the one
    with the highest mean IoU (the smaller scales in a tie).  Where no set is enough, the one that most objects reach.
    Ratios, strides and base sizes stay.
    """
    exponents = np.arange(LOWEST * STEPS, HIGHEST * STEPS + 1)
    values = [round(float(2 ** (e / STEPS)), 2) for e in exponents]
    table = np.stack([best_ious(objects, with_scales(generator, [value]), allowed_border) for value in values], axis=1)
    needed = ENOUGH * float((table.max(axis=1) >= RECALL_IOU).mean())
    fallback: tuple[float, float, tuple[int, ...]] | None = None
    for number in range(1, MOST_SCALES + 1):
        rated = []
        for step in (STEPS, STEPS // 2, STEPS // 3) if number > 1 else (STEPS,):
            for start in range(len(values) - (number - 1) * step):
                chosen = tuple(range(start, start + number * step, step))
                ious = table[:, chosen].max(axis=1)
                rated.append((float((ious >= RECALL_IOU).mean()), float(ious.mean()), chosen))
        enough = [entry for entry in rated if entry[0] >= needed]
        if enough:
            chosen = max(enough, key=lambda entry: entry[1])[2]
            break
        best = max(rated, key=lambda entry: entry[:2])
        if fallback is None or best[0] > fallback[0]:
            fallback = best
    else:
        assert fallback is not None
        chosen = fallback[2]
    return FittedScales([values[index] for index in chosen], table[:, chosen].max(axis=1))
