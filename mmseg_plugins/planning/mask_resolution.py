"""What a mask loses when it is stored as M x M values and pasted back: the best that a mask head can do."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

RESOLUTIONS = (14, 21, 28, 56, 112)


def stored_iou(mask: np.ndarray, resolution: int) -> float:
    """IoU of a mask, cut to its own pixels (h, w), with itself after resizing to M x M and back.

    Both ways bilinear (areas are averaged where the mask shrinks) and binarised at one half, as Mask R-CNN makes its
    targets and pastes its predictions.
    """
    height, width = mask.shape
    stored = _resized(mask, resolution, resolution)
    back = _resized(stored, height, width)
    union = int((mask | back).sum())
    return int((mask & back).sum()) / union if union else 1.0


def _resized(mask: np.ndarray, height: int, width: int) -> np.ndarray:
    """A bool mask at another size: averaged along the axes that shrink, then interpolated along those that grow."""
    least = min(width, mask.shape[1]), min(height, mask.shape[0])
    small = cv2.resize(mask.astype(np.float32), least, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR) >= 0.5)


def stored_ious(crops: Sequence[np.ndarray], resolutions: Sequence[int] = RESOLUTIONS) -> np.ndarray:
    """IoU (N, M) of N masks at each resolution."""
    ious = [[stored_iou(crop, resolution) for resolution in resolutions] for crop in crops]
    return np.array(ious).reshape(len(crops), len(resolutions))
