"""Objects of an image against the numbers a system may give out."""

from __future__ import annotations

import numpy as np

from mmseg_plugins.planning.centers import share

#: Limits that are proposed; COCO's own is 100.
LADDER = (100, 200, 300, 500, 750, 1000, 1500, 2000, 3000, 5000, 10000)
ROOM = 1.25  # a limit is at least so many times the fullest image: detections are never all right


def beyond(counts: np.ndarray, limit: int) -> tuple[float, int]:
    """Share of the objects that a limit of detections per image leaves out at best, and the number of such images.

    ``counts`` (I,) objects per image.
    """
    return share(int(np.maximum(counts - limit, 0).sum()), int(counts.sum())), int((counts > limit).sum())


def fit_limit(counts: np.ndarray, least: int = LADDER[0]) -> int:
    """The smallest limit of the ladder, not below ``least``, that leaves ``ROOM`` above the fullest image."""
    wanted = max(least, ROOM * int(counts.max(initial=0)))
    return next((value for value in LADDER if value >= wanted), int(np.ceil(wanted)))
