"""Time of panoptic quality's slow step, counting shared pixels, next to sorting all pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from mmseg_plugins.evaluation.panoptic_quality import Overlaps, count_overlaps


class Case(NamedTuple):
    """A pair of made-up maps; without ``segments`` the prediction has one of 50 ids at random in every pixel."""

    height: int
    width: int
    segments: int | None


CASES = (Case(480, 640, 12), Case(480, 640, 40), Case(1024, 2048, 60), Case(480, 640, None))


def maps_of(case: Case, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """True and predicted ids (H, W) int64: each pixel has the id of the nearest of some points, in COCO's range of ids.

    The points of the prediction are moved by up to 2 % of the image's height.
    """
    rng = np.random.RandomState(seed)
    number = case.segments or 12
    points = rng.rand(number, 2) * (case.height, case.width)
    ids = rng.choice(2**24 - 1, number, replace=False) + 1
    truth = ids[_nearest(points, case)]
    if case.segments is None:
        return truth, rng.randint(0, 50, truth.shape)
    moved = points + (rng.rand(number, 2) - 0.5) * 0.04 * case.height
    return truth, (rng.permutation(number) * 1000)[_nearest(moved, case)]


def _nearest(points: np.ndarray, case: Case) -> np.ndarray:
    """Index (H, W) of the nearest of the points (N, 2), rows and columns in px."""
    rows, columns = np.arange(case.height)[:, None], np.arange(case.width)
    best = np.full((case.height, case.width), np.inf)
    index = np.zeros(best.shape, int)
    for place, (row, column) in enumerate(points):
        far = (rows - row) ** 2 + (columns - column) ** 2
        index[far < best] = place
        best = np.minimum(best, far)
    return index


def sorted_overlaps(truth: np.ndarray, predicted: np.ndarray) -> Overlaps:
    """What ``count_overlaps`` gives, by sorting the pixels of both maps and of their pairs."""
    shift = int(predicted.max()) + 1
    pairs, shared = np.unique(truth * shift + predicted, return_counts=True)
    areas = [dict(zip(*(part.tolist() for part in np.unique(ids, return_counts=True)), strict=True))
             for ids in (truth, predicted)]
    keys = zip((pairs // shift).tolist(), (pairs % shift).tolist(), strict=True)
    return Overlaps(dict(zip(keys, shared.tolist(), strict=True)), *areas)


def measure_panoptic_quality(case: Case, rounds: int, clock: Callable[[], float]) -> dict[str, Any]:
    """Least seconds of both ways, which take turns.

    Raises:
        RuntimeError: their results differ.
    """
    truth, predicted = maps_of(case)
    ways = {'sorting_s': sorted_overlaps, 'runs_s': count_overlaps}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        results = []
        for name, way in ways.items():
            start = clock()
            results.append(way(truth, predicted))
            seconds[name].append(clock() - start)
        if results[0] != results[1]:
            raise RuntimeError(f'{case}: the two ways count differently')
    return dict(case._asdict(), **{name: min(values) for name, values in seconds.items()})
