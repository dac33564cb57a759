"""SOLO's premise: centers of objects lie apart, and where they do not, sizes differ.

The paper (Wang et al., SOLO: Segmenting Objects by Locations, ECCV 2020, section 1)
counts pairs of objects on COCO: 98.3 % of the centers lie more than 30 px apart,
and of the rest 40.5 % differ in size by more than 1.5 times.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from mmseg_plugins.planning.objects import Objects

NEAR = 30.0  # px
RATIO = 1.5

#: The paper's numbers for COCO.
PAPER_FAR_PAIRS, PAPER_DIFFERENT_PAIRS = 0.983, 0.405


class CenterDistances(NamedTuple):
    """Shares in 0..1; NaN where there is nothing to count.

    Attributes:
        pairs: pairs of objects in one input.
        far_pairs: share of the pairs whose centers lie more than ``NEAR`` px apart.
        different_pairs: of the other pairs, the share whose sizes differ by more than ``RATIO``.
        near_objects: share of the objects whose nearest center lies within ``NEAR`` px.
        different_objects: of these, the share whose size differs from the nearest one's by more than ``RATIO``.
        nearest: (N,) distance to the nearest center in px, infinity for an object alone.
    """

    pairs: int
    far_pairs: float
    different_pairs: float
    near_objects: float
    different_objects: float
    nearest: np.ndarray


def center_distances(objects: Objects) -> CenterDistances:
    """Distances between the centres of the objects of each input; sizes are sqrt(box area)."""
    nearest = np.full(len(objects), np.inf)
    different = np.zeros(len(objects), bool)
    pairs = near_pairs = different_pairs = 0
    sizes = np.maximum(objects.sizes, 1e-9)
    bounds = np.concatenate([[0], np.cumsum(objects.counts)])
    for start, end in pairwise(bounds.tolist()):
        number = end - start
        if number < 2:
            continue
        points, side = objects.centers[start:end], sizes[start:end]
        distance = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
        ratio = np.maximum(side[:, None] / side[None], side[None] / side[:, None])
        upper = np.triu(np.ones((number, number), bool), 1)
        near = upper & (distance <= NEAR)
        pairs += number * (number - 1) // 2
        near_pairs += int(near.sum())
        different_pairs += int((near & (ratio > RATIO)).sum())
        np.fill_diagonal(distance, np.inf)
        closest = distance.argmin(axis=1)
        rows = np.arange(number)
        nearest[start:end] = distance[rows, closest]
        different[start:end] = ratio[rows, closest] > RATIO
    near_objects = nearest <= NEAR
    return CenterDistances(
        pairs,
        share(pairs - near_pairs, pairs),
        share(different_pairs, near_pairs),
        share(int(near_objects.sum()), len(objects)),
        share(int((near_objects & different).sum()), int(near_objects.sum())),
        nearest,
    )


def share(part: int, whole: int) -> float:
    """part / whole, NaN for nothing."""
    return part / whole if whole else float('nan')
