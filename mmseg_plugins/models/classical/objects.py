"""From foreground to objects: parts, the watershed that divides touching ones, and how sure one is of each.

Letters: maps (H, W); labels 0 for background and 1..N for objects.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy import ndimage

from mmseg_plugins.models.classical.gray import smooth
from mmseg_plugins.utils.optional import scikit_image


def connected_parts(foreground: np.ndarray) -> np.ndarray:
    """Labels (H, W) int32 of the parts of (H, W) bool that are connected by sides."""
    return cv2.connectedComponents(foreground.astype(np.uint8), connectivity=4)[1]


def divide_by_distance(foreground: np.ndarray, *, min_distance: int = 5, sigma: float = 2.0) -> np.ndarray:
    """Divide blobs at their necks: watershed of the distance to the background.

    Args:
        foreground: (H, W) bool.
        min_distance: No two objects' centers lie nearer than this along both axes, px.
        sigma: Blur of the distance map, px: a rough outline has no centers of its own.

    Returns:
        Labels (H, W) int32; every foreground pixel has one.
    """
    centers, distance = centers_by_distance(foreground, min_distance=min_distance, sigma=sigma)
    return scikit_image('segmentation').watershed(-distance, centers, mask=foreground).astype(np.int32)


def centers_by_distance(foreground: np.ndarray, *, min_distance: int = 5,
                        sigma: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Centers of objects (H, W) int32, one label each, and the blurred distance map (H, W) whose peaks they are.

    Args:
        foreground, min_distance, sigma: As of :func:`divide_by_distance`.
    """
    distance = smooth(cv2.distanceTransform(foreground.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE), sigma)
    peaks = (distance == ndimage.maximum_filter(distance, size=2 * min_distance + 1)) & foreground
    centers, count = ndimage.label(peaks, np.ones((3, 3)))
    parts = connected_parts(foreground)
    with_center = np.zeros(parts.max() + 1, bool)
    with_center[parts[peaks]] = True
    # a small part next to a large one may be without the highest point of its surroundings: it is an object as a whole
    return np.where(foreground & ~with_center[parts], parts + count, centers).astype(np.int32), distance


def keep_large(labels: np.ndarray, min_area: int) -> np.ndarray:
    """Labels (H, W) without objects of fewer than ``min_area`` px, numbered 1..N again."""
    areas = np.bincount(labels.ravel())
    keep = areas >= min_area
    keep[0] = False
    return np.where(keep, np.cumsum(keep), 0)[labels].astype(np.int32)


def solidity(labels: np.ndarray) -> np.ndarray:
    """Area of each object over that of its convex hull, (N,) float32, within 0..1.

    The hull is that of the pixels' corners: a single pixel has solidity 1.
    """
    values = []
    for label, place in enumerate(ndimage.find_objects(labels), 1):
        mask = np.pad(labels[place] == label, 1).astype(np.uint8)
        outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        pixels = np.concatenate(outlines)[:, 0]
        corners = np.concatenate([pixels + shift for shift in ((0, 0), (1, 0), (0, 1), (1, 1))])
        values.append(np.count_nonzero(mask) / cv2.contourArea(cv2.convexHull(corners)))
    return np.array(values, np.float32)


def confidence(labels: np.ndarray, full_area: int) -> np.ndarray:
    """Solidity, lowered in proportion for objects below ``full_area`` px, (N,) float32: ragged, tiny ones come last."""
    areas = np.bincount(labels.ravel(), minlength=1)[1:]
    return solidity(labels) * np.minimum(areas / full_area, 1).astype(np.float32)
