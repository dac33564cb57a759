"""Predictions averaged over turned versions of the image, as U-Net's results on the ISBI data were made.

Paper: "U-Net: Convolutional Networks for Biomedical Image Segmentation", https://arxiv.org/abs/1505.04597, section 4:
the average over 7 rotations.  Which 7 it does not say; here they are full turns divided by their number.

mmseg's own test-time augmentation scales and flips; it has no rotation.

Shapes: B images, C classes, H x W pixels.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from mmseg.models.segmentors import EncoderDecoder
from torch import Tensor

from mmseg_plugins.models.layers.score_maps import log_scores, score_probabilities
from mmseg_plugins.registry import MODELS


@MODELS.register_module()
class RotationAveragingEncoderDecoder(EncoderDecoder):
    """``EncoderDecoder`` whose ``test_cfg`` may have ``rotations=n``; 1, the default, changes nothing.

    Image k is turned by 360 k / n degrees about its center on a canvas that holds it whole (mirrored outside),
    segmented, and its probabilities are turned back.  The result is the logarithm of the mean probability (for a single
    output, its logit), so that mmseg's ``argmax`` and threshold apply.  Takes n times as long and more: the canvas has
    up to sqrt(H^2 + W^2) px a side.
    """

    def inference(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Scores (B, C, H, W)."""
        rotations = self.test_cfg.get('rotations', 1)
        if rotations == 1:
            return super().inference(inputs, batch_img_metas)
        if not isinstance(rotations, int) or rotations < 1:
            raise ValueError(f'test_cfg.rotations={rotations!r} must be a number of rotations, at least 1')
        height, width = inputs.shape[-2:]
        total: Tensor | None = None
        for k in range(rotations):
            angle = 2 * math.pi * k / rotations
            canvas = rotated_size(height, width, angle)
            turned = rotate(inputs, angle, canvas, 'reflection')
            size = torch.Size(canvas)  # by this type mmseg's heads tell a part of an image
            metas = [{**meta, 'img_shape': size, 'pad_shape': canvas} for meta in batch_img_metas]
            scores = super().inference(turned, metas)
            back = rotate(score_probabilities(scores), -angle, (height, width), 'border')
            total = back if total is None else total + back
        assert total is not None
        return log_scores(total / rotations)


def rotated_size(height: int, width: int, angle: float) -> tuple[int, int]:
    """Least canvas that holds the turned image, as much larger on both sides (an even surplus, no half pixels)."""
    cosine, sine = abs(math.cos(angle)), abs(math.sin(angle))
    sizes = (height * cosine + width * sine, width * cosine + height * sine)
    rows, columns = (2 * math.ceil((new - old) / 2 - 1e-6) + old
                     for new, old in zip(sizes, (height, width), strict=True))
    return rows, columns


def rotate(x: Tensor, angle: float, size: tuple[int, int], padding: str) -> Tensor:
    """Read (B, C, h, w) on a canvas of ``size`` with the same center, turned by ``angle`` radians; bilinear.

    Args:
        padding: What lies outside: ``'reflection'`` or ``'border'``, see ``F.grid_sample``.
    """
    rows = torch.arange(size[0], device=x.device, dtype=x.dtype)[:, None] - (size[0] - 1) / 2
    columns = torch.arange(size[1], device=x.device, dtype=x.dtype)[None] - (size[1] - 1) / 2
    cosine, sine = math.cos(angle), math.sin(angle)
    right, down = cosine * columns - sine * rows, sine * columns + cosine * rows  # px from the center of x
    grid = torch.stack([2 * right / x.shape[-1], 2 * down / x.shape[-2]], dim=-1)  # (h, w, 2), 1 = outer edge
    return F.grid_sample(x, grid.expand(len(x), *grid.shape), padding_mode=padding, align_corners=False)
