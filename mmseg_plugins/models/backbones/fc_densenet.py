"""The downward path of FC-DenseNet.

Paper: "The One Hundred Layers Tiramisu: Fully Convolutional DenseNets for Semantic Segmentation",
https://arxiv.org/abs/1611.09326.  Original: https://github.com/SimJeg/FC-DenseNet at cf2375b (Lasagne).

This is not the DenseNet of image classification: layers have no 1x1 bottleneck, transitions keep the number of maps,
and there is no strided stem.

Shapes: B images, C_i channels, g growth rate, H x W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmseg_plugins.models.layers.dense_block import HE_UNIFORM, DenseBlock, TransitionDown, use_batch_statistics
from mmseg_plugins.registry import MODELS


@MODELS.register_module()
class FCDenseNet(BaseModule):
    """Stem, dense blocks with transitions down between them, and a bottleneck block.

    .. code-block:: none

        stem - blocks[0] - downs[0] - blocks[1] - downs[1] - ... - bottleneck
                  |                      |                             |
               skip, stride 1         skip, stride 2             its new maps alone

    Args:
        growth_rate: g, new maps of each layer: 12 for FC-DenseNet56, 16 for 67 and 103.
        down_layers: Layers of each block; their number n is that of halvings.
        bottleneck_layers: Layers of the bottleneck.
        stem_channels: Maps of the first convolution.
        dropout: Share that is dropped after every convolution.
        dropout_kind: ``'element'`` (the original) or ``'channel'``.
        batch_statistics: Normalize by the statistics of the batch in evaluation, too, as the original does.  Set it in
            the head as well.
        with_cp: Compute the inputs of dense layers again in the backward pass instead of keeping them.
        out_indices: Ascending maps to give, of 0 .. n; default all, as ``FCDenseNetHead`` reads them.
        init_cfg: Default He's uniform fill.

    Attributes:
        out_channels: Channels of all n + 1 maps.

    Shape:
        (B, 3, H, W) -> n skips (B, C_i, H // 2^i, W // 2^i) and the bottleneck's new maps (B, g bottleneck_layers,
        H // 2^n, W // 2^n).

    Raises:
        ValueError: a setting that makes no network; an image smaller than 2^n px.
    """

    def __init__(self,
                 growth_rate: int = 16,
                 *,
                 down_layers: Sequence[int] = (4, 5, 7, 10, 12),
                 bottleneck_layers: int = 15,
                 stem_channels: int = 48,
                 dropout: float = 0.2,
                 dropout_kind: str = 'element',
                 batch_statistics: bool = False,
                 with_cp: bool = False,
                 out_indices: Sequence[int] | None = None,
                 init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg=init_cfg or HE_UNIFORM)
        number = len(down_layers)
        indices = tuple(range(number + 1)) if out_indices is None else tuple(out_indices)
        if not number or min([*down_layers, bottleneck_layers, growth_rate, stem_channels]) < 1:
            raise ValueError(f'FCDenseNet: down_layers={tuple(down_layers)}, bottleneck_layers={bottleneck_layers}, '
                             f'growth_rate={growth_rate}, stem_channels={stem_channels} must all be 1 or more')
        if not indices or list(indices) != sorted(set(indices)) or not set(indices) <= set(range(number + 1)):
            raise ValueError(f'FCDenseNet: out_indices={indices} must be ascending maps of 0..{number}, {number} being '
                             "the bottleneck's")
        self.out_indices = indices
        drops: dict[str, Any] = dict(dropout=dropout, dropout_kind=dropout_kind)
        blocks = [*down_layers, bottleneck_layers][:indices[-1] + 1]  # later ones would be parameters without a use
        self.stem = nn.Conv2d(3, stem_channels, 3, padding=1)
        self.blocks, self.downs = nn.ModuleList(), nn.ModuleList()
        self.out_channels: list[int] = []
        channels = stem_channels
        for index, layers in enumerate(blocks):
            block = DenseBlock(channels, growth_rate, layers, with_cp=with_cp, **drops)
            channels += layers * growth_rate
            if index == number:
                self.bottleneck = block
                self.out_channels.append(layers * growth_rate)
                continue
            self.blocks.append(block)
            self.out_channels.append(channels)
            if index < indices[-1]:
                self.downs.append(TransitionDown(channels, **drops))
        use_batch_statistics(self, batch_statistics)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Give the maps of ``out_indices``, finest first."""
        least = 2**len(self.downs)
        if min(x.shape[-2:]) < least:
            raise ValueError(f'FCDenseNet: an image of {x.shape[-2]} x {x.shape[-1]} px cannot be halved '
                             f'{len(self.downs)} times; pad it to at least {least} x {least} (data_preprocessor: size, '
                             'or test_cfg=dict(size=...))')
        x = self.stem(x)
        outs = []
        for index, block in enumerate(self.blocks):
            x = block(x)[0]
            outs.append(x)
            if index < len(self.downs):
                x = self.downs[index](x)
        if hasattr(self, 'bottleneck'):
            outs.append(self.bottleneck(x)[1])
        return tuple(outs[index] for index in self.out_indices)
