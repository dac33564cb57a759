"""Random blur of training images, as in PSPNet's training code.

Source: ``RandomGaussianBlur`` of https://github.com/hszhao/semseg (util/transform.py): 5 x 5 px, probability .5.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from mmseg_plugins.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomGaussianBlur(BaseTransform):
    """Blur ``img`` by a Gaussian of ``kernel`` x ``kernel`` px with a probability of ``prob``; maps stay as they are.

    The weights are those that OpenCV takes where no standard deviation is given: 1, 4, 6, 4, 1 sixteenths for 5.

    Raises:
        ValueError: ``prob`` outside 0..1, or a ``kernel`` that is not odd.
    """

    def __init__(self, prob: float = 0.5, kernel: int = 5) -> None:
        super().__init__()
        if not 0 <= prob <= 1:
            raise ValueError(f'RandomGaussianBlur: prob={prob}. Rule: between 0 and 1. Fix: .5 is PSPNet\'s')
        if kernel < 1 or kernel % 2 == 0:
            raise ValueError(f'RandomGaussianBlur: kernel={kernel} px. Rule: odd. Fix: {kernel | 1}')
        self.prob, self.kernel = prob, kernel

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Blur or not."""
        if self.chosen():
            results['img'] = cv2.GaussianBlur(results['img'], (self.kernel, self.kernel), 0)
        return results

    @cache_randomness
    def chosen(self) -> bool:
        """Whether this image is blurred."""
        return bool(np.random.rand() < self.prob)

    def __repr__(self) -> str:
        return f'RandomGaussianBlur(prob={self.prob}, kernel={self.kernel})'
