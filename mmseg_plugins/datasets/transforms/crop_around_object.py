"""Crops around the objects of a label map, for networks that are trained on one object at a time.

Paper: "Learning Deconvolution Network for Semantic Segmentation", https://arxiv.org/abs/1505.04366, section 4.2.

Shapes: image (H, W, 3), label map (H, W).  Boxes are (x1, y1, x2, y2) in pixels, x2 and y2 exclusive.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from mmseg_plugins.registry import TRANSFORMS

Box = tuple[int, int, int, int]
TRIES = 20  # jittered boxes before the object's own is taken


@TRANSFORMS.register_module()
class CropAroundObject(BaseTransform):
    """Crop the picture and its label map to a box around one object, chosen at random.

    A label map does not tell objects apart: an object is a connected region (8 neighbors) of one class.  First a class
    that the picture holds is drawn, then one of its regions, so that rare classes are seen as often as common ones.
    A picture without a region that counts is passed on whole.

    With ``min_iou=1`` the box is the region's, centered and widened (DeconvNet's first stage).  With less it is a
    random box that overlaps the region's by at least that much before it is widened: a stand-in for the second stage's
    object proposals.

    Args:
        margin: Factor by which both sides of the box grow.
        min_area: Least pixels of a region.
        min_side: Least side of the box, in pixels; a smaller box grows around its center.
        min_iou: Least intersection over union of the box with that of the region, before the margin; 1 is the region's
            own box.
        background: Classes that are no objects; VOC has ``(0, )``.
        others: What pixels of other classes become, 255 apart: a class (VOC's background is 0), 255 for "ignored",
            None for what they are.  DeconvNet's first stage learns one class a crop.
        ignore_index: Label of no class.

    Required keys: ``img``, ``gt_seg_map``.  Changed: these and ``img_shape``.

    Raises:
        ValueError: settings out of their ranges; a picture and a label map of different size.
    """

    def __init__(self, margin: float = 1.2, *, min_area: int = 64, min_side: int = 32, min_iou: float = 1.0,
                 background: Collection[int] = (), others: int | None = None, ignore_index: int = 255) -> None:
        if margin < 1 or not 0 < min_iou <= 1 or min_area < 1 or min_side < 1:
            raise ValueError(f'CropAroundObject: margin={margin} must be at least 1, min_iou={min_iou} in (0, 1], '
                             f'min_area={min_area} and min_side={min_side} at least 1')
        self.margin = margin
        self.min_area = min_area
        self.min_side = min_side
        self.min_iou = min_iou
        self.background = set(background)
        self.others = others
        self.ignore_index = ignore_index

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Crop ``img`` and ``gt_seg_map``."""
        label = results['gt_seg_map']
        if label.shape != results['img'].shape[:2]:
            raise ValueError(f'CropAroundObject: the image has {results["img"].shape[:2]} pixels, its label map '
                             f'{label.shape}; correct the files, or resize both before this step')
        choice = self.choose(label)
        if choice is None:
            return results
        value, (x1, y1, x2, y2) = choice
        results['img'] = results['img'][y1:y2, x1:x2]
        results['img_shape'] = results['img'].shape[:2]
        crop = label[y1:y2, x1:x2].copy()
        if self.others is not None:
            crop[(crop != value) & (crop != self.ignore_index)] = self.others
        results['gt_seg_map'] = crop
        return results

    @cache_randomness
    def choose(self, label: np.ndarray) -> tuple[int, Box] | None:
        """Class and crop box of one region of ``label`` (H, W); None where no region counts."""
        classes = [v for v in np.unique(label).tolist() if v != self.ignore_index and v not in self.background]
        for value in np.random.permutation(classes).astype(int).tolist():
            _, _, stats, _ = cv2.connectedComponentsWithStats((label == value).astype(np.uint8), connectivity=8)
            regions = stats[1:][stats[1:, cv2.CC_STAT_AREA] >= self.min_area]
            if len(regions):
                x, y, width, height, _ = regions[np.random.randint(len(regions))].tolist()
                box = np.array([x, y, x + width, y + height], np.float64)
                return value, self._grown(self._jittered(box), label.shape)
        return None

    def _jittered(self, box: np.ndarray) -> np.ndarray:
        """A random box that overlaps ``box`` by at least ``min_iou``."""
        if self.min_iou == 1:
            return box
        sides = np.tile(box[2:] - box[:2], 2)
        reach = 1 - self.min_iou
        for _ in range(TRIES):
            other = box + np.random.uniform(-reach, reach, 4) * sides
            if iou(box, other) >= self.min_iou:
                return other
        return box

    def _grown(self, box: np.ndarray, size: tuple[int, ...]) -> Box:
        """``box`` with the margin and the least side, cut at the border of the image."""
        center = (box[:2] + box[2:]) / 2
        half = np.maximum((box[2:] - box[:2]) * self.margin, self.min_side) / 2
        low = np.maximum(np.floor(center - half), 0).astype(int)
        high = np.minimum(np.ceil(center + half), [size[1], size[0]]).astype(int)
        return int(low[0]), int(low[1]), int(high[0]), int(high[1])

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(margin={self.margin}, min_area={self.min_area}, min_side={self.min_side}, '
                f'min_iou={self.min_iou}, background={sorted(self.background)}, others={self.others})')


def iou(one: np.ndarray, two: np.ndarray) -> float:
    """Intersection over union of two boxes (4,)."""
    low, high = np.maximum(one[:2], two[:2]), np.minimum(one[2:], two[2:])
    common = float(np.prod(np.clip(high - low, 0, None)))
    areas = float(np.prod(one[2:] - one[:2])) + float(np.prod(two[2:] - two[:2]))
    return common / (areas - common)
