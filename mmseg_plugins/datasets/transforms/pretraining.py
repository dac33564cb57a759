"""Steps of a pre-training's pipeline: crops of many scales and shapes, and the masks of patches.

Paper of the masks: "BEiT: BERT Pre-Training of Image Transformers", https://arxiv.org/abs/2106.08254.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from mmseg_plugins.registry import TRANSFORMS
from mmseg_plugins.utils.errors import UserError

ATTEMPTS = 10
INTERPOLATIONS = dict(bilinear=cv2.INTER_LINEAR, bicubic=cv2.INTER_CUBIC)


@TRANSFORMS.register_module()
class RandomResizedCrop(BaseTransform):
    """Cut a part of random area and shape out of the image, and resize it to a square.

    Required keys: ``img``.  Modified: ``img``, ``img_shape``.  Labels are not cut: there are none.

    Args:
        size: Side of the result in px.
        scale: Least and greatest share of the image's area.
        ratio: Least and greatest width / height, drawn on a logarithmic scale.
        interpolation: ``'bilinear'`` or ``'bicubic'``.

    Raises:
        UserError: another interpolation.
    """

    def __init__(self, size: int, scale: Sequence[float] = (0.2, 1.0), ratio: Sequence[float] = (3 / 4, 4 / 3),
                 interpolation: str = 'bicubic') -> None:
        if interpolation not in INTERPOLATIONS:
            raise UserError(f'RandomResizedCrop: interpolation={interpolation!r}.',
                            rule=f'one of {", ".join(INTERPOLATIONS)}.', fix='choose one.')
        self.size, self.scale, self.ratio, self.interpolation = size, tuple(scale), tuple(ratio), interpolation

    def transform(self, results: dict) -> dict:
        """Cut and resize."""
        image = results['img']
        top, left, height, width = self._part(*image.shape[:2])
        part = image[top:top + height, left:left + width]
        results['img'] = cv2.resize(part, (self.size, self.size), interpolation=INTERPOLATIONS[self.interpolation])
        results['img_shape'] = (self.size, self.size)
        return results

    def _part(self, height: int, width: int) -> tuple[int, int, int, int]:
        """Top, left, height, width; the largest part in the middle with a legal ratio where none is found."""
        for _ in range(ATTEMPTS):
            area = height * width * random.uniform(*self.scale)
            ratio = math.exp(random.uniform(*(math.log(value) for value in self.ratio)))
            h, w = round(math.sqrt(area / ratio)), round(math.sqrt(area * ratio))
            if 0 < h <= height and 0 < w <= width:
                return random.randint(0, height - h), random.randint(0, width - w), h, w
        ratio = min(max(width / height, self.ratio[0]), self.ratio[1])
        h, w = min(height, round(width / ratio)), min(width, round(height * ratio))
        return (height - h) // 2, (width - w) // 2, max(h, 1), max(w, 1)


@TRANSFORMS.register_module()
class BlockMasking(BaseTransform):
    """Choose the patches that a pre-training masks: rectangles of random area and shape, until enough are masked.

    Adds ``token_mask``, (h, w) bool; name it in the ``meta_keys`` of the step that packs the sample.

    Args:
        grid: h, w of the patches.
        num_masked: How many are masked at most; default: 105 of 256, as in EVA.  An image may have fewer.
        min_block: Patches of the smallest rectangle, as long as so many are left.
        min_ratio: Least height / width; the greatest is its inverse, drawn on a logarithmic scale.
    """

    def __init__(self, grid: Sequence[int] = (16, 16), num_masked: int | None = None, min_block: int | None = None,
                 min_ratio: float = 0.3) -> None:
        self.grid = (int(grid[0]), int(grid[1]))
        patches = self.grid[0] * self.grid[1]
        self.num_masked = patches * 105 // 256 if num_masked is None else num_masked
        self.min_block = max(patches // 16, 1) if min_block is None else min_block
        self.min_ratio = min_ratio

    def transform(self, results: dict) -> dict:
        """Draw a mask."""
        mask = np.zeros(self.grid, bool)
        while (left := self.num_masked - int(mask.sum())) > 0:
            if not self._add_block(mask, left):
                break
        results['token_mask'] = mask
        return results

    def _add_block(self, mask: np.ndarray, left: int) -> bool:
        """Mask one more rectangle that adds at most ``left`` patches; whether one was found."""
        bound = math.log(self.min_ratio)
        for _ in range(ATTEMPTS):
            area, ratio = random.uniform(self.min_block, left), math.exp(random.uniform(bound, -bound))
            height, width = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if not (height < self.grid[0] and width < self.grid[1]):
                continue
            top, first = random.randint(0, self.grid[0] - height), random.randint(0, self.grid[1] - width)
            block = mask[top:top + height, first:first + width]
            if 0 < block.size - block.sum() <= left:
                block[:] = True
                return True
        return False
