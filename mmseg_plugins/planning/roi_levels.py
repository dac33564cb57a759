"""Which pyramid level each RoI is read from, and the finest_scale that uses the levels."""

from __future__ import annotations

import numpy as np

COCO_FINEST = 56
CANDIDATES = (14, 28, 56, 112, 224)


def roi_levels(sizes: np.ndarray, finest_scale: float, levels: int) -> np.ndarray:
    """Level (N,) of RoIs with side sqrt(w * h) in px, as ``SingleRoIExtractor`` maps them.

    Level 0 takes sides below 2 * finest_scale, level 1 those below 4 * finest_scale, and so on.
    """
    level = np.floor(np.log2(np.maximum(sizes, 1e-9) / finest_scale + 1e-6))
    return level.clip(0, levels - 1).astype(np.int64)


def level_shares(sizes: np.ndarray, finest_scale: float, levels: int) -> np.ndarray:
    """Share (K,) of the objects on each level."""
    return np.bincount(roi_levels(sizes, finest_scale, levels), minlength=levels) / max(len(sizes), 1)


def fit_finest_scale(sizes: np.ndarray, levels: int) -> int:
    """The candidate with which the finest level takes the share of objects closest to one half.

    Below 14 (RoIs of 3.5 to 7 cells of their map) bins of a 7 x 7 RoI would read the same cells again.
    """
    gaps = [abs(level_shares(sizes, value, levels)[0] - 0.5) for value in CANDIDATES]
    return CANDIDATES[int(np.argmin(gaps))]
