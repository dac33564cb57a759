"""How much objects cover each other: what box NMS would remove although it is right."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from mmseg_plugins.planning.centers import share
from mmseg_plugins.planning.objects import Objects
from mmseg_plugins.structures.boxes import box_iou


class Overlap(NamedTuple):
    """Shares in 0..1, NaN where there is nothing to count.

    Attributes:
        pixels: of the pixels under an object, the share under two or more.
        objects: objects that share at least one pixel.
        nms_pairs: pairs of one input and class whose boxes have an IoU above the threshold.
        nms_objects: objects in such a pair: a detector that finds all of them loses at least one of each pair.
    """

    pixels: float
    objects: float
    nms_pairs: float
    nms_objects: float


def overlap(objects: Objects, nms_threshold: float, class_wise: bool = True) -> Overlap:
    """Measure overlap of masks and boxes; ``class_wise`` counts pairs of one class only, as the final NMS does."""
    bounds = np.concatenate([[0], np.cumsum(objects.counts)])
    pairs = close_pairs = 0
    close = np.zeros(len(objects), bool)
    for start, end in pairwise(bounds.tolist()):
        if end - start < 2:
            continue
        boxes, labels = objects.boxes[start:end], objects.labels[start:end]
        same = np.ones((len(boxes), len(boxes)), bool)
        if class_wise:
            same = labels[:, None] == labels[None]
        np.fill_diagonal(same, False)
        above = same & (box_iou(boxes, boxes) > nms_threshold)
        pairs += int(same.sum()) // 2
        close_pairs += int(above.sum()) // 2
        close[start:end] = above.any(axis=1)
    covered, twice = objects.covered.sum(axis=0).tolist()
    return Overlap(
        share(twice, covered),
        share(int((objects.shared > 0).sum()), len(objects)),
        share(close_pairs, pairs),
        share(int(close.sum()), len(objects)),
    )
