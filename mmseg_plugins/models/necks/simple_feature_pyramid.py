"""ViTDet's simple feature pyramid: all levels from one map of stride 16.

Paper: "Exploring Plain Vision Transformer Backbones for Object Detection", https://arxiv.org/abs/2203.16527.
Layers as in https://github.com/baaivision/EVA/blob/5623d08/EVA-02/det/detectron2/modeling/backbone/vit.py (MIT).

Shapes: B images, C input channels, C' output channels, a map of H x W.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch.nn.functional as F
from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmseg_plugins.registry import MODELS


@MODELS.register_module()
class LN2d(nn.LayerNorm):
    """Layer norm over the channels of each cell: (B, C, H, W) -> (B, C, H, W).  As ``norm_cfg`` of any host part:
    ``dict(type='mmseg_plugins.LN2d')``.

    Args:
        num_features: C.
        eps: Added to the variance.
    """

    def __init__(self, num_features: int, eps: float = 1e-6) -> None:
        super().__init__(num_features, eps=eps)

    def forward(self, x: Tensor) -> Tensor:
        """Normalize."""
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


LN = dict(type='mmseg_plugins.LN2d')


@MODELS.register_module()
class SimpleFeaturePyramid(BaseModule):
    """Strides 4, 8, 16 and 32 from the last map of a plain transformer, and coarser ones by subsampling.

    .. code-block:: none

        /4: deconvolution 2 x 2, norm, GELU, deconvolution     /16: as it is
        /8: deconvolution 2 x 2                                /32: max pooling 2 x 2
        then each: 1 x 1 convolution, norm, 3 x 3 convolution, norm

    Args:
        in_channels: C; a list of one number is taken, too.
        out_channels: C'.
        num_outs: Maps that are given, 4 or more; the fifth and later ones are every second cell of the one before.
        norm_cfg: Of all norms.
        init_cfg: As in ``BaseModule``.

    Shape:
        tuple of maps, the last of which is (B, C, H, W) -> ``num_outs`` maps (B, C', H_i, W_i), H_0 = 4 H.

    Raises:
        ValueError: fewer than 4 maps, C no multiple of 4, or another number of channels than the map has.
    """

    def __init__(self,
                 in_channels: int | Sequence[int],
                 out_channels: int = 256,
                 num_outs: int = 5,
                 norm_cfg: Mapping[str, Any] = LN,
                 init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        channels = in_channels if isinstance(in_channels, int) else in_channels[-1]
        if num_outs < 4 or channels % 4:
            raise ValueError(f'SimpleFeaturePyramid: num_outs={num_outs}, in_channels={channels}. Fix: 4 maps or more '
                             'from a multiple of 4 channels.')
        self.in_channels, self.num_outs = channels, num_outs
        half = channels // 2

        def norm(width: int) -> nn.Module:
            return build_norm_layer(dict(norm_cfg), width)[1]

        scalings = [
            nn.Sequential(nn.ConvTranspose2d(channels, half, 2, 2), norm(half), nn.GELU(),
                          nn.ConvTranspose2d(half, half // 2, 2, 2)),
            nn.ConvTranspose2d(channels, half, 2, 2),
            nn.Identity(),
            nn.MaxPool2d(2, 2),
        ]  # fmt: skip
        self.scalings = nn.ModuleList(scalings)
        self.convs = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(width, out_channels, 1, bias=False), norm(out_channels),
                nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False), norm(out_channels))
            for width in (half // 2, half, channels, channels))

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Give the pyramid of the last map."""
        x = inputs[-1]
        if x.size(1) != self.in_channels:
            raise ValueError(f'SimpleFeaturePyramid: in_channels={self.in_channels}, but the last map of the backbone '
                             f'has {x.size(1)} channels. Fix: in_channels={x.size(1)}.')
        outs = [convs(scale(x)) for scale, convs in zip(self.scalings, self.convs, strict=True)]
        for _ in range(self.num_outs - len(outs)):
            outs.append(F.max_pool2d(outs[-1], 1, 2))
        return tuple(outs)
