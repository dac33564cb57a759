"""SOLO's levels and grids: which objects meet in one cell, and ranges and grid numbers that keep them apart.

Original: https://github.com/WXinlong/SOLO (commit f4cd03b), ``solo_head.py``: an object belongs to every level whose
range of sqrt(box area) holds it, and to the cell of its center of mass in that level's grid over the padded input.
Two objects of one cell and level overwrite each other's class, and in version 1 their mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mmseg_plugins.planning.centers import share
from mmseg_plugins.planning.objects import Objects

Ranges = Sequence[Sequence[float]]

LARGEST = 2048  # upper end of the last range, as in the original
GRIDS = (8, 12, 16, 20, 24, 28, 32, 36, 40, 48, 56, 64, 80, 96)
MOST_COLLISIONS = 0.02  # of the objects of a level


class GridCollisions(NamedTuple):
    """What K levels do with the objects; shares in 0..1, NaN where a level has none.

    Attributes:
        level_objects: (K,) objects whose size lies in the range of the level.
        level_shares: (K,) share of them whose center cell holds the center of another.
        collides: share of all objects that meet another on at least one of their levels.
        lost: share of all objects that have their center cell alone on no level, those without a level included.
        without_level: share of all objects whose size lies in no range.
    """

    level_objects: np.ndarray
    level_shares: np.ndarray
    collides: float
    lost: float
    without_level: float


def in_range(sizes: np.ndarray, ranges: Ranges) -> np.ndarray:
    """(N, K) whether a size lies in a range, both ends included as in the original."""
    low, high = np.asarray(ranges, float).T
    return (sizes[:, None] >= low) & (sizes[:, None] <= high)


def grid_cells(objects: Objects, grid: int) -> np.ndarray:
    """(N,) one number for each input and cell: the cell that holds the centre, in a grid over the padded input."""
    size = objects.padded[objects.image]  # (N, 2) height, width
    column, row = (objects.centers / size[:, ::-1] * grid).astype(np.int64).clip(0, grid - 1).T
    return (objects.image * grid + row) * grid + column


def meets_another(objects: Objects, member: np.ndarray, grid: int) -> np.ndarray:
    """(N,) whether an object of a level (``member`` (N,) bool) shares its centre cell with another of that level."""
    cells = grid_cells(objects, grid)[member]
    _, inverse, number = np.unique(cells, return_inverse=True, return_counts=True)
    met = np.zeros(len(objects), bool)
    met[member] = number[inverse.reshape(-1)] > 1
    return met


def grid_collisions(objects: Objects, ranges: Ranges, grids: Sequence[int]) -> GridCollisions:
    """Measure K ranges (low, high) of sqrt(box area) in px with K grid numbers.

    Raises:
        ValueError: ranges and grids differ in number.
    """
    if len(ranges) != len(grids):
        raise ValueError(f'{len(ranges)} scale_ranges and {len(grids)} num_grids; each level needs one of both')
    member = in_range(objects.sizes, ranges) & (objects.areas > 0)[:, None]
    met = np.stack([meets_another(objects, member[:, k], grid) for k, grid in enumerate(grids)], axis=1)
    counts = member.sum(axis=0)
    return GridCollisions(
        counts,
        np.array([share(int(met[:, k].sum()), int(counts[k])) for k in range(len(grids))]),
        share(int(met.any(axis=1).sum()), len(objects)),
        share(int((~(member & ~met).any(axis=1)).sum()), len(objects)),
        share(int((~member.any(axis=1)).sum()), len(objects)),
    )


def fit_ranges(sizes: np.ndarray, strides: Sequence[int]) -> list[tuple[int, int]]:
    """Ranges of K levels that overlap twofold and share the objects out, small objects on fine levels.

    Boundary k of K - 1 is the k/K quantile of the sizes, but at least sqrt(2) times the one before and sqrt(2) times
    the stride of the level above it.  A range reaches a factor sqrt(2) beyond its two boundaries, so sizes around a
    boundary belong to both levels and no level takes objects smaller than its stride, which its grid could not keep
    apart.  The original ranges (1, 96), (48, 192), (96, 384), ... are these for boundaries 68, 136, 272, 543.  The
    first starts at 1, the last ends at 2048 or at the largest object.
    """
    root = float(np.sqrt(2))
    inner: list[float] = []
    for k, stride in enumerate(strides[1:], start=1):
        boundary = max(float(np.quantile(sizes, k / len(strides))), root * stride)
        inner.append(max(boundary, root * inner[-1]) if inner else boundary)
    top = max(LARGEST, int(np.ceil(sizes.max())))
    low = [1, *(max(1, int(np.floor(b / root + 1e-6))) for b in inner)]
    high = [*(int(np.ceil(b * root - 1e-6)) for b in inner), top]
    return list(zip(low, high, strict=True))


def fit_grids(objects: Objects, ranges: Ranges, strides: Sequence[int]) -> list[int]:
    """The smallest grid of each level in which at most ``MOST_COLLISIONS`` of its objects meet another.

    A grid is never finer than the level's map (longest padded side / stride, but at least the smallest of
    ``GRIDS``): cells beyond it would read the same features.  Where that is not enough, the finest allowed is taken.
    """
    member = in_range(objects.sizes, ranges) & (objects.areas > 0)[:, None]
    longest = int(objects.padded.max())
    chosen = []
    for k, stride in enumerate(strides):
        allowed = [grid for grid in GRIDS if grid <= max(GRIDS[0], longest / stride)]
        number = int(member[:, k].sum())
        meets = (int(meets_another(objects, member[:, k], grid).sum()) for grid in allowed)
        chosen.append(next((g for g, n in zip(allowed, meets, strict=True) if n <= MOST_COLLISIONS * number),
                           allowed[-1]))
    return chosen
