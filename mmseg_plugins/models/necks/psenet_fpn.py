"""PSENet's feature pyramid: every map smoothed before it is passed on, all given at the finest size.

Paper: "Shape Robust Text Detection with Progressive Scale Expansion Network", https://arxiv.org/abs/1903.12473.
Original code (Apache 2.0):
https://github.com/whai362/PSENet/blob/5a42734dc56df42b7192494933ea8fcb3f486494/models/neck/fpn.py

Stock ``FPN`` passes the sums on, smooths them for the output only, and has neither norm nor activation by default.

Shapes: B images, C_i input channels, C output channels, level i of H_i x W_i.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmseg_plugins.models.layers import conv_block
from mmseg_plugins.models.layers.default_configs import BATCH_NORM
from mmseg_plugins.registry import MODELS


@MODELS.register_module()
class PSENetFPN(BaseModule):
    """Top-down pyramid of convolution + norm + ReLU blocks.

    .. code-block:: none

        C5 -lateral_convs.3-> F5
        C4 -lateral_convs.2-> (+ resized F5) -smooth_convs.2-> F4
        C3 -lateral_convs.1-> (+ resized F4) -smooth_convs.1-> F3
        C2 -lateral_convs.0-> (+ resized F3) -smooth_convs.0-> F2

    Args:
        in_channels: Channels of the input maps, finest first.
        out_channels: C.
        norm_cfg: Norm of all convolutions.
        init_cfg: Default: the blocks' own (Kaiming).

    Shape:
        tuple of (B, C_i, H_i, W_i), finest first -> as many maps (B, C, H_0, W_0), resized bilinearly.
    """

    def __init__(self,
                 in_channels: Sequence[int],
                 out_channels: int = 256,
                 norm_cfg: Mapping[str, Any] = BATCH_NORM,
                 init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.in_channels = list(in_channels)
        block: dict[str, Any] = dict(norm_cfg=dict(norm_cfg), act_cfg=dict(type='ReLU'), where='PSENetFPN out_channels')
        self.lateral_convs = nn.ModuleList(conv_block(c, out_channels, 1, **block) for c in self.in_channels)
        self.smooth_convs = nn.ModuleList(
            conv_block(out_channels, out_channels, 3, **block) for _ in self.in_channels[1:])

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Give as many maps as there are inputs, all of the finest size."""
        got = [x.size(1) for x in inputs]
        if got != self.in_channels:
            raise ValueError(
                f'PSENetFPN: in_channels={self.in_channels}, but the backbone gives {len(got)} maps of {got} '
                'channels; set in_channels to what the backbone gives (its out_indices choose the maps)')
        outs = [self.lateral_convs[-1](inputs[-1])]
        for level in range(len(inputs) - 2, -1, -1):
            lateral = self.lateral_convs[level](inputs[level])
            outs.insert(0, self.smooth_convs[level](lateral + _resize(outs[0], lateral)))
        return tuple(_resize(out, outs[0]) for out in outs)


def _resize(x: Tensor, like: Tensor) -> Tensor:
    if x.shape[-2:] == like.shape[-2:]:
        return x
    return F.interpolate(x, size=like.shape[-2:], mode='bilinear', align_corners=False)
