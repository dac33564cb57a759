"""Masks as they come: dense arrays or RLE; and as polygons on the pixel grid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import cv2
import numpy as np

Masks = np.ndarray | Sequence[Any]  # (N, H, W) array, or N dense (H, W) masks or RLE dicts


def iter_masks(masks: Masks) -> Iterator[np.ndarray]:
    """Yield N masks (H, W) bool one at a time, so that N RLEs are never all dense at once."""
    for mask in masks:
        if isinstance(mask, Mapping):
            from pycocotools import mask as mask_api

            rle = dict(mask)
            if isinstance(rle['counts'], list):
                rle = mask_api.frPyObjects(rle, *rle['size'])
            yield mask_api.decode(rle).astype(bool)
        else:
            yield np.asarray(mask).astype(bool)


def mask_box(mask: np.ndarray) -> tuple[int, int, int, int] | None:
    """Half-open pixel box (x1, y1, x2, y2) around the true pixels of (H, W); None when there are none.

    A mask whose only pixel is row 3, column 5 gives (5, 3, 6, 4).
    """
    rows = np.flatnonzero(mask.any(axis=1))
    if not len(rows):
        return None
    columns = np.flatnonzero(mask[rows[0]:rows[-1] + 1].any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def encode_rle(mask: np.ndarray) -> dict[str, Any]:
    """Compressed COCO RLE of a (H, W) mask with ``counts`` as str, ready for JSON."""
    from pycocotools import mask as mask_api

    rle = mask_api.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {'size': [int(side) for side in rle['size']], 'counts': rle['counts'].decode('ascii')}


def mask_polygons(mask: np.ndarray) -> list[list[float]]:
    """Outer outlines of a (H, W) mask as COCO polygons ``[x1, y1, x2, y2, ...]`` in px.

    Corners lie on pixel edges: the mask of the one pixel (column 5, row 3) gives
    the square (5, 3) (5, 4) (6, 4) (6, 3).  One polygon per connected part; COCO
    polygons know no holes, so holes are filled (the RLE stays exact).
    """
    box = mask_box(mask)
    if box is None:
        return []
    x1, y1, x2, y2 = box
    crop = mask[y1:y2, x1:x2].astype(np.uint8)
    # On the doubled mask a left or top border is even and a right or bottom one is odd.
    double = np.repeat(np.repeat(crop, 2, axis=0), 2, axis=1)
    contours, _ = cv2.findContours(double, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    polygons = []
    for contour in contours:
        points = (contour.reshape(-1, 2) + 1) // 2 + np.array([x1, y1])
        keep = np.any(points != np.roll(points, 1, axis=0), axis=1)
        polygons.append([float(value) for value in points[keep].reshape(-1)])
    return sorted(polygons)
