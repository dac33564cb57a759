"""The upward path of FC-DenseNet.

Paper: "The One Hundred Layers Tiramisu: Fully Convolutional DenseNets for Semantic Segmentation",
https://arxiv.org/abs/1611.09326.  Original: https://github.com/SimJeg/FC-DenseNet at cf2375b (Lasagne).

Shapes: B images, C classes, g growth rate, H x W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmseg_plugins.models.decode_heads.own_classifier_head import OwnClassifierHead
from mmseg_plugins.models.layers.center_crop import center_crop
from mmseg_plugins.models.layers.dense_block import HE_UNIFORM, DenseBlock, use_batch_statistics
from mmseg_plugins.registry import MODELS


@MODELS.register_module()
class FCDenseNetHead(OwnClassifierHead):
    """Transitions up and dense blocks; only the new maps of a block go up to the next.

    .. code-block:: none

        bottleneck's new maps - ups[0] -+- blocks[0] -> new maps - ups[1] -+- ... - blocks[n-1] -> all maps - score
                                        |                                  |
                                 coarsest skip                         next skip

    A transition up is a transposed convolution of kernel 3 and stride 2 without padding, cut to the skip around its
    center; the skip comes after it in the concatenation.

    Args:
        in_channels: Of the maps of ``FCDenseNet``, finest first, the bottleneck's last.
        growth_rate: g, as in the backbone.
        up_layers: Layers of each block, coarsest first; one a skip.
        dropout, dropout_kind, batch_statistics, with_cp: As in the backbone.
        kwargs: Of ``OwnClassifierHead``.

    Shape:
        ``forward``: maps (B, C_i, H // 2^i, W // 2^i) -> scores (B, C, H, W).

    Raises:
        ValueError: not one block a skip.
    """

    several_maps = True

    def __init__(self,
                 in_channels: list[int],
                 *,
                 num_classes: int,
                 growth_rate: int = 16,
                 up_layers: Sequence[int] = (12, 10, 7, 5, 4),
                 dropout: float = 0.2,
                 dropout_kind: str = 'element',
                 batch_statistics: bool = False,
                 with_cp: bool = False,
                 init_cfg: dict | list | None = None,
                 **kwargs: Any) -> None:
        if not up_layers or len(in_channels) != len(up_layers) + 1 or min(up_layers) < 1:
            raise ValueError(f'FCDenseNetHead: up_layers={tuple(up_layers)} for in_channels={list(in_channels)}: one '
                             'block of at least one layer is needed a skip, and the last map is the bottleneck')
        super().__init__(in_channels, num_classes=num_classes, init_cfg=init_cfg or HE_UNIFORM, **kwargs)
        *skips, channels = in_channels
        self.ups, self.blocks = nn.ModuleList(), nn.ModuleList()
        for skip, layers in zip(reversed(skips), up_layers, strict=True):
            self.ups.append(nn.ConvTranspose2d(channels, channels, 3, stride=2))
            total = channels + skip
            self.blocks.append(DenseBlock(total, growth_rate, layers, dropout=dropout, dropout_kind=dropout_kind,
                                          with_cp=with_cp))
            channels = layers * growth_rate
        self.score = nn.Conv2d(total + channels, self.out_channels, 1)
        use_batch_statistics(self, batch_statistics)

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Score every pixel."""
        *skips, new = self._transform_inputs(inputs)
        everything = new
        for up, block, skip in zip(self.ups, self.blocks, reversed(skips), strict=True):
            grown = center_crop(up(new), (skip.shape[-2], skip.shape[-1]))
            everything, new = block(torch.cat([grown, skip], 1))
        return self.score(everything)
