"""Light-Weight RefineNet's decoder: 1 x 1 convolutions and no residual units.

Paper: https://arxiv.org/abs/1810.03272, BMVC 2018.  Original code (non-commercial BSD):
https://github.com/DrSleep/light-weight-refinenet/tree/538fe8b39327d8343763b859daf7b9d03a05396e .
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from torch import Tensor, nn

from mmseg_plugins.models.layers import RefineBlock, RefineCascade
from mmseg_plugins.registry import MODELS

from .own_classifier_head import OwnClassifierHead

#: What PyTorch gives a convolution; the classifier's bias begins at 0.
TORCH_DEFAULT = dict(
    type='Kaiming', layer='Conv2d', a=5**0.5, mode='fan_in', nonlinearity='leaky_relu', distribution='uniform')


@MODELS.register_module()
class LightRefineNetHead(OwnClassifierHead):
    """RefineNet's cascade with 1 x 1 convolutions, without residual units; a 3 x 3 classifier.

    Args:
        in_channels: Channels of the maps, finest first.
        map_groups: How many successive maps share one block, finest first: their reduced maps are added.  ResNets give
            one map a block, the default; MobileNetV2's six maps of strides 4, 8, 16, 16, 32, 32 are (1, 1, 2, 2).
        channels: Of all blocks but the coarsest.
        top_channels: Of the coarsest block: 512 with ResNets, 256 with MobileNetV2.
        num_pools: Links of the chained pooling.
        conv_first: Convolution before pooling in the chain.
        adapt: A convolution in front of each sum with the coarser map: with ResNets, not with MobileNetV2.
        dropout_ratio: On the maps of the two coarsest blocks: .5 with ResNets, 0 with MobileNetV2.
        act_cfg: Activation in front of the pooling: ReLU with ResNets, ReLU6 with MobileNetV2.
        norm_cfg: Norm after every convolution but the classifier; the original has none.
        in_index: Of the maps that are read; None reads the first ones.
        align_corners: Of all resizing, the last one to the image included.
        init_cfg: PyTorch's own first weights, as in the released training code; the paper's are
            ``dict(type='Normal', layer='Conv2d', std=0.01)``, which learn slowly at small widths.
        kwargs: Of ``OwnClassifierHead``.

    Shape:
        ``forward``: maps (B, C_i, h_i, w_i) -> scores (B, C, h_0, w_0).  Maps of one group have one size; otherwise any
        size fits.

    Raises:
        ValueError: ``map_groups`` does not count the maps of ``in_channels``; maps of one group differ in size.
    """

    several_maps = True

    def __init__(self,
                 in_channels: Sequence[int],
                 *,
                 num_classes: int,
                 map_groups: Sequence[int] | None = None,
                 channels: int = 256,
                 top_channels: int = 512,
                 num_pools: int = 4,
                 conv_first: bool = False,
                 adapt: bool = True,
                 dropout_ratio: float = 0.5,
                 act_cfg: dict | None = None,
                 norm_cfg: dict | None = None,
                 in_index: Sequence[int] | None = None,
                 align_corners: bool = True,
                 init_cfg: dict | list | None = TORCH_DEFAULT,
                 **kwargs: Any) -> None:
        act_cfg = act_cfg or dict(type='ReLU')
        super().__init__(
            in_channels,
            num_classes=num_classes,
            in_index=in_index,
            align_corners=align_corners,
            act_cfg=act_cfg,
            norm_cfg=norm_cfg,
            init_cfg=init_cfg,
            **kwargs)
        self.map_groups = [1] * len(in_channels) if map_groups is None else list(map_groups)
        if sum(self.map_groups) != len(in_channels) or min(self.map_groups) < 1:
            raise ValueError(f'LightRefineNetHead: map_groups={self.map_groups} count {sum(self.map_groups)} maps, '
                             f'in_channels={list(in_channels)} names {len(in_channels)}; give each block at least one')
        sources = self._grouped(list(in_channels))
        widths = [channels] * (len(sources) - 1) + [top_channels]
        self.cascade = RefineCascade([
            RefineBlock(
                group,
                width,
                None if index == 0 else widths[index - 1],
                kernel_size=1,
                num_pools=num_pools,
                conv_first=conv_first,
                adapt=adapt and index < len(sources) - 1,
                act_cfg=act_cfg,
                norm_cfg=norm_cfg) for index, (group, width) in enumerate(zip(sources, widths, strict=True))
        ], align_corners=align_corners)
        self.drop = nn.Dropout(dropout_ratio)
        self.classifier = nn.Conv2d(widths[0], self.out_channels, 3, padding=1)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Score the finest map's cells."""
        groups = self._grouped(self._transform_inputs(inputs))
        for group in groups:
            sizes = [tuple(level.shape[-2:]) for level in group]
            if len(set(sizes)) > 1:
                raise ValueError(f'LightRefineNetHead: map_groups={self.map_groups} puts maps of sizes {sizes} into '
                                 'one block; group maps of one stride')
        for index in range(max(len(groups) - 2, 0), len(groups)):
            groups[index] = [self.drop(level) for level in groups[index]]
        return self.classifier(self.cascade(groups))

    def _grouped(self, items: Sequence[Any]) -> list[list[Any]]:
        ends = list(accumulate(self.map_groups))
        return [list(items[end - count:end]) for end, count in zip(ends, self.map_groups, strict=True)]
