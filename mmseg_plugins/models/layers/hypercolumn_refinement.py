"""MaskLab's mask refinement: a coarse mask and early maps of the backbone, cropped together, through a small network.

Paper: "MaskLab: Instance Segmentation by Refining Object Detection with Semantic and Direction Features",
https://arxiv.org/abs/1712.04837, section 3 and figure 5 (three 5 x 5 convolutions of 64 filters on 41 x 41 crops).

Shapes: N RoIs, n x n points of a crop, B images, C_i x H_i x W_i maps of stride s_i.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.model import BaseModule, normal_init
from torch import Tensor, nn

from .blocks import conv_block
from .border_crop import border_crop
from .init import note_init

RELU = dict(type='ReLU')


class HypercolumnRefinement(BaseModule):
    """Predict a mask anew from a coarse one and from maps with more detail.

    .. code-block:: none

        coarse logit (N, 1, n, n) ------------+
        maps[indices[0]] -> crop_and_resize --+-> concat -> convs -> conv_logits -> (N, 1, n, n)
        maps[indices[1]] -> crop_and_resize --+

    Args:
        indices: Which maps are cropped, of those that the neck (or the backbone) gives.
        channels: C_i of each.
        strides: s_i of each.
        num_convs: Convolutions before the 1 x 1 predictor.
        conv_channels: Their width.
        kernel_size: Their size.
        norm_cfg: Norm after each; ``None`` for none.

    Raises:
        ValueError: the three lists differ in length; a map is missing or has other channels than said.
    """

    def __init__(self,
                 *,
                 indices: Sequence[int],
                 channels: Sequence[int],
                 strides: Sequence[int],
                 num_convs: int = 3,
                 conv_channels: int = 64,
                 kernel_size: int = 5,
                 norm_cfg: dict | None = None) -> None:
        super().__init__()
        if not len(indices) == len(channels) == len(strides):
            raise ValueError(f'HypercolumnRefinement: indices={list(indices)}, channels={list(channels)} and '
                             f'strides={list(strides)} describe the same maps and must be equally long')
        self.indices, self.channels, self.strides = list(indices), list(channels), list(strides)
        widths = [1 + sum(channels), *[conv_channels] * num_convs]
        where = 'HypercolumnRefinement conv_channels'
        self.convs = nn.ModuleList(
            conv_block(wide, conv_channels, kernel_size, norm_cfg=norm_cfg, act_cfg=RELU, where=where)
            for wide in widths[:-1])
        self.conv_logits = nn.Conv2d(widths[-1], 1, 1)

    def init_weights(self) -> None:
        """Predictor: N(0, 0.01), bias 0; the other convolutions keep what ``ConvModule`` gives, N(0, 2 / fan_out)."""
        normal_init(self.conv_logits, std=0.01)
        note_init(self.conv_logits, 'normal, std 0.01, bias 0')
        super().init_weights()

    def forward(self, coarse: Tensor, maps: Sequence[Tensor], rois: Tensor) -> Tensor:
        """Refine ``coarse`` (N, 1, n, n) of ``rois`` (N, 5); ``maps`` are all maps, of which ``indices`` are read."""
        size = (coarse.size(2), coarse.size(3))
        crops = [
            border_crop(maps[index], rois, size, 1 / stride)
            for index, stride in zip(self.indices, self.strides, strict=True)
        ]
        x = torch.cat([coarse, *(crop.to(coarse.dtype) for crop in crops)], dim=1)  # (N, 1 + sum C_i, n, n)
        for conv in self.convs:
            x = conv(x)
        logits: Tensor = self.conv_logits(x)
        return logits
