"""Smooth random deformations of image and label maps, as U-Net was trained with.

Paper: "U-Net: Convolutional Networks for Biomedical Image Segmentation", https://arxiv.org/abs/1505.04597, section 3.1:
displacements of a coarse 3 x 3 grid, normal with a standard deviation of 10 px, interpolated bicubically.

Decided here, where the paper is silent: the grid's outer points lie on the image's corners, and what comes from outside
the image is mirrored, in the labels as in the image.

Shapes: H x W pixels, G points a side.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from mmseg_plugins.registry import TRANSFORMS


def cubic_weights(size: int, points: int) -> np.ndarray:
    """(size, points): how much each point counts at each pixel; first and last pixel stand on the outer points.

    Catmull-Rom's cubic (a = -1/2); beyond the outer points the outer value is repeated.
    """
    place = np.linspace(0, points - 1, size)
    base = np.floor(place).astype(int)
    weights = np.zeros((size, points))
    for offset in (-1, 0, 1, 2):
        t = np.abs(place - base - offset)
        inner, outer = 1.5 * t**3 - 2.5 * t**2 + 1, -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2
        index = np.clip(base + offset, 0, points - 1)
        np.add.at(weights, (np.arange(size), index), np.where(t <= 1, inner, outer))
    return weights


def deform(x: np.ndarray, shift: np.ndarray, nearest: bool) -> np.ndarray:
    """Read (H, W[, C]) at each pixel's place plus ``shift`` (2, H, W): px right and px down; outside it is mirrored.

    Args:
        nearest: Take the nearest pixel (labels of any type); else bilinear (8 bit or float32).
    """
    height, width = x.shape[:2]
    columns = (np.arange(width)[None] + shift[0]).astype(np.float32)
    rows = (np.arange(height)[:, None] + shift[1]).astype(np.float32)
    if nearest:
        return x[_mirrored(np.rint(rows).astype(int), height), _mirrored(np.rint(columns).astype(int), width)]
    return cv2.remap(x, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)


def _mirrored(index: np.ndarray, size: int) -> np.ndarray:
    period = max(2 * (size - 1), 1)
    index = index % period
    return np.where(index < size, index, period - index)


@TRANSFORMS.register_module()
class ElasticDeformation(BaseTransform):
    """Deform ``img`` and all maps of ``seg_fields`` alike.

    Args:
        prob: Share of the images that are deformed.
        grid: G, at least 2.
        sd: Standard deviation of the points' displacements in px, of each coordinate.

    Raises:
        ValueError: a grid of less than 2 points a side, ``sd`` below 0, or ``prob`` outside 0..1.
    """

    def __init__(self, prob: float = 1.0, grid: int = 3, sd: float = 10.0) -> None:
        super().__init__()
        if grid < 2 or sd < 0 or not 0 <= prob <= 1:
            raise ValueError(f'ElasticDeformation: grid={grid} must be at least 2, sd={sd} px at least 0 and '
                             f'prob={prob} within 0..1')
        self.prob, self.grid, self.sd = prob, grid, sd

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Deform with probability ``prob``."""
        if np.random.rand() >= self.prob:
            return results
        height, width = results['img'].shape[:2]
        points = np.random.normal(0, self.sd, (2, self.grid, self.grid))
        shift = cubic_weights(height, self.grid) @ points @ cubic_weights(width, self.grid).T  # (2, H, W)
        results['img'] = deform(results['img'], shift, nearest=False)
        for key in results.get('seg_fields', []):
            results[key] = deform(results[key], shift, nearest=True)
        return results

    def __repr__(self) -> str:
        return f'ElasticDeformation(prob={self.prob}, grid={self.grid}, sd={self.sd})'
