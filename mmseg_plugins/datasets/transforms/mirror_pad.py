"""A mirrored margin around training images, whose labels do not count."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from mmseg_plugins.registry import TRANSFORMS


@TRANSFORMS.register_module()
class MirrorPad(BaseTransform):
    """Mirror ``margin`` px around ``img``; maps of ``seg_fields`` get the ignored label there, weights get 0.

    With random crops after it, networks of unpadded convolutions see true context inside the image and mirrored
    context at its border, and each pixel of the image can be the label of a crop: DilatedNet's training (margin 186).

    Args:
        margin: Pixels on each side; images smaller than that are mirrored more than once.
        ignore_index: Label of the margin.
    """

    def __init__(self, margin: int, ignore_index: int = 255) -> None:
        super().__init__()
        if margin < 0:
            raise ValueError(f'MirrorPad: margin={margin} px must be at least 0')
        self.margin, self.ignore_index = margin, ignore_index

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Pad image and maps."""
        margin = self.margin
        results['img'] = cv2.copyMakeBorder(results['img'], margin, margin, margin, margin, cv2.BORDER_REFLECT_101)
        for key in results.get('seg_fields', []):
            value = 0 if np.issubdtype(results[key].dtype, np.floating) else self.ignore_index
            results[key] = np.pad(results[key], margin, constant_values=value)
        results['img_shape'] = results['img'].shape[:2]
        return results

    def __repr__(self) -> str:
        return f'MirrorPad(margin={self.margin}, ignore_index={self.ignore_index})'
