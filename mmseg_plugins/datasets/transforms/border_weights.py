"""U-Net's weight map: how much each pixel counts in the loss, so that touching objects are kept apart.

Paper: "U-Net: Convolutional Networks for Biomedical Image Segmentation", https://arxiv.org/abs/1505.04597, section 3:
w(x) = w_c(x) + w0 exp(-(d1(x) + d2(x))^2 / (2 sigma^2)), with the distances d1 and d2 to the border of the nearest and
the second nearest object.

Decided here: a distance is that of pixel centers to the nearest pixel of the object, 0 inside it; the paper draws the
map, but does not say how it measures.

Shapes: H x W pixels, N objects.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

IGNORED = 255
NEGLIGIBLE = 1e-6  # a term of the map that is smaller than this is left at 0


def connected_instances(label: np.ndarray, background: Sequence[int] = (0, ),
                        ignore_index: int = IGNORED) -> np.ndarray:
    """Number the connected parts (edges or corners touching) of each class: (H, W) -> (H, W) int32, 0 = no object.

    Args:
        label: Class of every pixel.
        background: Classes that are no objects, besides ``ignore_index``.
    """
    result = np.zeros(label.shape, np.int32)
    total = 0
    for value in np.unique(label):
        if value in background or value == ignore_index:
            continue
        count, parts = cv2.connectedComponents((label == value).astype(np.uint8), connectivity=8)
        result = np.where(parts > 0, parts + total, result)
        total += count - 1
    return result.astype(np.int32)


def two_nearest(instances: np.ndarray, reach: float = math.inf) -> tuple[np.ndarray, np.ndarray]:
    """Distance in px of every pixel to the nearest and to the second nearest object, (H, W) float32 each.

    Args:
        instances: (H, W) object numbers, 0 = none.
        reach: Distances beyond it need not be found; they may be given as infinite.  With a finite reach the time
            grows with the objects' size, not with N x H x W.

    Returns:
        d1 <= d2, infinite where there is no such object.
    """
    height, width = instances.shape
    first = np.full((height, width), np.inf, np.float32)
    second = first.copy()
    margin = max(height, width) if math.isinf(reach) else math.ceil(reach)
    values = np.unique(instances)
    for value, (top, bottom, left, right) in zip(values, _extents(instances, values), strict=True):
        if value == 0:
            continue
        window = (slice(max(top - margin, 0), bottom + margin), slice(max(left - margin, 0), right + margin))
        outside = (instances[window] != value).astype(np.uint8)
        if outside.all() or not outside.any():
            distance = np.zeros(outside.shape, np.float32)  # nothing but the object
        else:
            distance = cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        nearest, next_nearest = first[window], second[window]
        second[window] = np.minimum(next_nearest, np.maximum(nearest, distance))
        first[window] = np.minimum(nearest, distance)
    return first, second


def border_weights(instances: np.ndarray, w0: float = 10.0, sigma: float = 5.0) -> np.ndarray:
    """w0 exp(-(d1 + d2)^2 / (2 sigma^2)), (H, W) float32: near w0 in narrow gaps, 0 with fewer than two objects."""
    if w0 <= 0:
        return np.zeros(instances.shape, np.float32)
    reach = sigma * math.sqrt(2 * max(math.log(w0 / NEGLIGIBLE), 0)) + 1
    first, second = two_nearest(instances, reach)
    total = first.astype(np.float64) + second
    return (w0 * np.exp(-np.square(total) / (2 * sigma**2))).astype(np.float32)


def balanced_classes(label: np.ndarray, ignore_index: int = IGNORED) -> np.ndarray:
    """w_c: 1 / (share of the pixel's class in this image), divided by the largest: the rarest class has 1, void 0."""
    weights = np.zeros(label.shape, np.float32)
    values, counts = np.unique(label[label != ignore_index], return_counts=True)
    for value, count in zip(values, counts, strict=True):
        weights[label == value] = counts.min() / count
    return weights


def _extents(instances: np.ndarray, values: np.ndarray) -> list[tuple[int, int, int, int]]:
    """Rows and columns (first, one past the last) of each value."""
    index = np.searchsorted(values, instances)
    result = np.empty((len(values), 4), np.int64)
    for axis in (0, 1):
        place = np.arange(instances.shape[axis])
        grid = np.broadcast_to(place[:, None] if axis == 0 else place[None], instances.shape)
        low = np.full(len(values), instances.shape[axis])
        high = np.zeros(len(values), np.int64)
        np.minimum.at(low, index.ravel(), grid.ravel())
        np.maximum.at(high, index.ravel(), grid.ravel())
        result[:, 2 * axis], result[:, 2 * axis + 1] = low, high + 1
    return [(int(a), int(b), int(c), int(d)) for a, b, c, d in result]
