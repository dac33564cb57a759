"""U-Net's expanding path over the maps of any backbone.

Paper: "U-Net: Convolutional Networks for Biomedical Image Segmentation", https://arxiv.org/abs/1505.04597.

``ValidUNet`` is the published network, both of its paths in one.  Here the contracting path is a classification
network, so that its released weights can be used: convolutions are padded, and a doubled map is cut to the skip's size
where that is odd.

Shapes: B images of H x W px, level i has stride 2^(i + 1), C_i channels and h_i x w_i cells.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmseg_plugins.registry import MODELS


@MODELS.register_module()
class UNetDecoder(BaseModule):
    """2 x 2 up-convolution, the backbone's map of that size next to it, two 3 x 3 convolutions; up to stride 1.

    .. code-block:: none

        level 0, stride 2 ------ cat - fuse.1 -up- fuse.0 - map of stride 1
        level 1, stride 4 - cat - fuse.2 -up-^
             ...             ^
        the coarsest -up-----+

    Args:
        in_channels: C_i of the maps, finest first; the finest has stride 2.
        out_channels: Of the levels of the expanding path, stride 1 first: as many as ``in_channels``.
        norm_cfg: Between each 3 x 3 convolution and its ReLU; None, as in the paper, or a norm.
        init_cfg: Default: the convolutions' own (Kaiming).

    Shape:
        maps (B, C_i, h_i, w_i) -> one map (B, out_channels[0], 2 h_0, 2 w_0), which ``UNetHead`` cuts to the image.

    Raises:
        ValueError: lists of different lengths; in ``forward``, maps of other channels.
    """

    def __init__(self,
                 in_channels: Sequence[int],
                 out_channels: Sequence[int],
                 *,
                 norm_cfg: dict | None = None,
                 init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        if len(in_channels) != len(out_channels):
            raise ValueError(f'UNetDecoder: out_channels={list(out_channels)} must have as many numbers as '
                             f'in_channels={list(in_channels)}: one for each doubling')
        self.in_channels = list(in_channels)
        skips = [0, *in_channels[:-1]]  # no map of the backbone has stride 1
        coarser = [*out_channels[1:], in_channels[-1]]
        self.ups = nn.ModuleList(
            nn.ConvTranspose2d(a, b, 2, stride=2) for a, b in zip(coarser, out_channels, strict=True))
        self.fuse = nn.ModuleList(
            _two_convs(skip + width, width, norm_cfg) for skip, width in zip(skips, out_channels, strict=True))

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor]:
        """Give the map of stride 1."""
        got = [x.size(1) for x in inputs]
        if got != self.in_channels:
            raise ValueError(f'UNetDecoder: in_channels={self.in_channels}, but the backbone gives maps of {got} '
                             'channels; its out_indices choose the maps')
        x = inputs[-1]
        for level in range(len(inputs) - 1, -1, -1):
            x = self.ups[level](x)
            if level:
                skip = inputs[level - 1]
                x = torch.cat([skip, x[..., :skip.shape[-2], :skip.shape[-1]]], dim=1)
            x = self.fuse[level](x)
        return (x, )


def _two_convs(in_channels: int, out_channels: int, norm_cfg: dict | None) -> nn.Sequential:
    return nn.Sequential(*(ConvModule(channels, out_channels, 3, padding=1, norm_cfg=norm_cfg)
                           for channels in (in_channels, out_channels)))
