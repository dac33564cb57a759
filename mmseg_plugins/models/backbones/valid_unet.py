"""U-Net as published: unpadded convolutions, crop and concatenate, 2 x 2 up-convolutions.

Paper: "U-Net: Convolutional Networks for Biomedical Image Segmentation", https://arxiv.org/abs/1505.04597.
Numbers are compared with https://github.com/meetps/pytorch-semseg/tree/801fb200547caa5b0d91b8dde56b837da029f746
(ptsemseg/models/unet.py, MIT).

Stock ``UNet`` pads its convolutions, normalizes, and upsamples by interpolation or 4 x 4 deconvolution.

Shapes: B images, C_i = base_channels * 2^i channels of level i, D = levels - 1 poolings.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmseg_plugins.models.layers.center_crop import center_crop
from mmseg_plugins.models.layers.init import note_init
from mmseg_plugins.registry import MODELS


@MODELS.register_module()
class ValidUNet(BaseModule):
    """Contracting and expanding path; the 1 x 1 classifier is the head's (``UNetHead``).

    .. code-block:: none

        image 572 -2 conv-> 568 ------------------- center crop 392 -> cat -2 conv-> 388   level 0
                             pool 284 -2 conv-> 280 ---- 200 -> cat -2 conv-> 196 -up-^    level 1
                                                 ...      ...                              levels 2, 3
                                          28 (level 4, the deepest) -up-^

    An image of 12 * 2^D - 8 + n px gives a map of n px: 184 more with 5 levels, 188 + 16 k -> 4 + 16 k.  Any other
    size would be cut unevenly at a pooling and is refused; ``MirrorMargin(margin=92, divisor=16, remainder=4)`` around
    this network takes any size.

    Args:
        base_channels: C_0; the paper has 64.
        levels: Resolutions, the deepest included; the paper has 5.
        dropout: In training, at the end of the contracting path: after the last two levels.
        norm_cfg: None, as in the paper, or a norm between convolution and ReLU.
        out_indices: Levels of the expanding path whose maps are given, ascending; 0 is the finest, ``levels - 1`` the
            deepest level itself.

    Shape:
        (B, 3, H, W) -> tuple of (B, C_i, h_i, w_i).

    Raises:
        ValueError: in ``forward``, for another size; the message names the next ones that fit.
    """

    def __init__(self,
                 *,
                 in_channels: int = 3,
                 base_channels: int = 64,
                 levels: int = 5,
                 dropout: float = 0.5,
                 norm_cfg: dict | None = None,
                 out_indices: Sequence[int] = (0, ),
                 init_cfg: dict | list | None = None) -> None:
        if levels < 3:
            raise ValueError(f'ValidUNet: levels={levels} must be at least 3')
        if not out_indices or list(out_indices) != sorted(set(out_indices)) or not set(out_indices) <= {*range(levels)}:
            raise ValueError(f'ValidUNet: out_indices={tuple(out_indices)} must be ascending levels of 0..{levels - 1}')
        super().__init__(init_cfg=init_cfg)
        self.out_indices = tuple(out_indices)
        finest = self.out_indices[0]
        widths = [base_channels * 2**level for level in range(levels)]
        self.down = nn.ModuleList(
            _two_convs(a, b, norm_cfg) for a, b in zip([in_channels, *widths[:-1]], widths, strict=True))
        # Level i of the expanding path is number i - finest; levels finer than any map would have no use.
        self.ups = nn.ModuleList(
            nn.ConvTranspose2d(widths[i + 1], widths[i], 2, stride=2) for i in range(finest, levels - 1))
        self.fuse = nn.ModuleList(_two_convs(2 * widths[i], widths[i], norm_cfg) for i in range(finest, levels - 1))
        self.pool = nn.MaxPool2d(2)
        self.dropout = nn.Dropout(dropout)
        self.shrink = 12 * 2**(levels - 1) - 8
        self.divisor = 2**(levels - 1)

    def init_weights(self) -> None:
        """Normal weights, variance 2 / (values that one output reads), as in the paper; biases 0."""
        super().init_weights()
        if self.init_cfg:
            return
        for module in self.modules():
            if isinstance(module, nn.ConvTranspose2d):  # each output of a 2 x 2 up-convolution reads one pixel
                nn.init.normal_(module.weight, std=math.sqrt(2 / module.in_channels))
            elif isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode='fan_in', nonlinearity='relu')
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)) and module.bias is not None:
                nn.init.zeros_(module.bias)
        note_init(self, 'ValidUNet: normal, variance 2 / fan_in, bias 0')

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Give the maps of ``out_indices``, finest first."""
        self._check_size(x)
        skips: list[Tensor] = []
        for level, convs in enumerate(self.down):
            x = convs(self.pool(x) if level else x)
            if level >= len(self.down) - 2:
                x = self.dropout(x)
            skips.append(x)
        last = len(self.down) - 1
        outs = [x] if last in self.out_indices else []
        for level in range(last - 1, self.out_indices[0] - 1, -1):
            index = level - self.out_indices[0]
            x = self.ups[index](x)
            x = self.fuse[index](torch.cat([center_crop(skips[level], (x.shape[-2], x.shape[-1])), x], dim=1))
            if level in self.out_indices:
                outs.append(x)
        return tuple(reversed(outs))

    def _check_size(self, x: Tensor) -> None:
        height, width = x.shape[-2:]
        smallest = self.shrink + 4
        wrong = [size for size in (height, width) if size < smallest or (size - smallest) % self.divisor]
        if wrong:
            below = max(smallest, wrong[0] - (wrong[0] - smallest) % self.divisor)
            raise ValueError(
                f'ValidUNet takes sides of {smallest} + {self.divisor} k px (unpadded convolutions), got an image of '
                f'{height} x {width}; for {wrong[0]} px the nearest are {below} and {below + self.divisor}. Crop to '
                f'such a size, or put mmseg_plugins.MirrorMargin(margin={self.shrink // 2}, divisor={self.divisor}, '
                'remainder=4) around the network, which takes any')


def _two_convs(in_channels: int, out_channels: int, norm_cfg: dict | None) -> nn.Sequential:
    return nn.Sequential(*(ConvModule(channels, out_channels, 3, norm_cfg=norm_cfg)
                           for channels in (in_channels, out_channels)))
