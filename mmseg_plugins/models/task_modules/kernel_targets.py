"""PSENet's targets: every object shrunk to several smaller kernels.

Paper: "Shape Robust Text Detection with Progressive Scale Expansion Network", https://arxiv.org/abs/1903.12473,
section 3.3: kernel i of n has the rate r_i = 1 - (1 - m) i / (n - 1), and the outline is moved inwards by
d_i = area (1 - r_i^2) / perimeter.  The original (whai362/PSENet@5a42734, dataset/psenet) rounds d_i, limits it to
20 px, moves the polygon by pyclipper with round joins, and takes the whole polygon where nothing is left.

For masks the same rule is an exact Euclidean distance transform: moving an outline inwards by d with round joins leaves
the points that are at least d away from it.  No polygon library is needed, and holes and several parts are fine.

Shapes: G objects, n kernels the whole object included, H x W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from mmseg_plugins.structures.masks import mask_box


def shrink_rates(kernels: int, smallest: float) -> list[float]:
    """r_1 .. r_(n-1) of n = ``kernels``; ``smallest`` is the paper's m: .4 for ICDAR 2015, .7 for CTW1500."""
    return [1 - (1 - smallest) * i / (kernels - 1) for i in range(1, kernels)]


def shrink_offset(area: float, perimeter: float, rate: float, limit: int = 20) -> int:
    """Whole pixels by which the outline moves inwards: min(int(area (1 - rate^2) / perimeter + .5), limit)."""
    return min(int(area * (1 - rate**2) / (perimeter + 0.001) + 0.5), limit)


def kernel_targets(masks: np.ndarray,
                   kernels: int = 7,
                   smallest: float = 0.7,
                   limit: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Whole objects (H, W) and shrunk kernels (n - 1, H, W), uint8 0 or 1, kernels of falling size.

    Args:
        masks: (G, H, W) binary; the image's border is an outline.
        kernels: n.
        smallest: m, the rate of the smallest kernel.
        limit: Largest offset in px.
    """
    objects = masks.astype(bool).any(axis=0) if len(masks) else np.zeros(masks.shape[1:], bool)
    shrunk = np.zeros((kernels - 1, *masks.shape[1:]), np.uint8)
    rates = shrink_rates(kernels, smallest)
    for mask in masks:
        box = mask_box(mask)
        if box is None:
            continue
        tall, wide = slice(box[1], box[3]), slice(box[0], box[2])
        part = shrunk[:, tall, wide]
        np.maximum(part, _shrink(np.ascontiguousarray(mask[tall, wide], np.uint8), rates, limit), out=part)
    return np.asarray(objects, np.uint8), shrunk


def _shrink(mask: np.ndarray, rates: Sequence[float], limit: int) -> np.ndarray:
    """Kernels (n - 1, h, w) of one mask (h, w) that fills its window."""
    framed = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    distance = cv2.distanceTransform(framed, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    area, perimeter = float(mask.sum()), mask_perimeter(framed)
    kernels = []
    for rate in rates:
        # From a pixel's center to the outline it is half a pixel less than to the nearest center outside.
        inner = distance - 0.5 >= shrink_offset(area, perimeter, rate, limit)
        kernels.append((inner if inner.any() else mask).astype(np.uint8))
    return np.stack(kernels)


def mask_perimeter(mask: np.ndarray) -> float:
    """Length in px of a mask's outlines, holes included; exact for upright rectangles.

    OpenCV's contours run through the centers of the border pixels: 4 px too short around a part; around a hole they
    run outside of it, 4 px too long.
    """
    contours, hierarchy = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return 0.0
    is_hole = hierarchy[0][:, 3] >= 0
    lengths = [cv2.arcLength(contour, True) for contour in contours]
    return float(sum(length - 4 if hole else length + 4 for length, hole in zip(lengths, is_hole, strict=True)))
