"""RefineNet's decoder over the maps of any backbone.

Paper: RefineNet, https://arxiv.org/abs/1611.06612, CVPR 2017.  Original code (MatConvNet):
https://github.com/guosheng/refinenet ; the PyTorch port whose names the converter reads:
https://github.com/DrSleep/refinenet-pytorch/tree/8f25c076016e61a835551493aae303e81cf36c53 .
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from mmseg_plugins.models.layers import RefineBlock, RefineCascade
from mmseg_plugins.registry import MODELS

from .own_classifier_head import OwnClassifierHead

NORMAL_01 = dict(type='Normal', layer='Conv2d', std=0.01)


@MODELS.register_module()
class RefineNetHead(OwnClassifierHead):
    """Four maps refined from the coarsest to the finest, then classified at the finest map's stride.

    .. code-block:: none

        stride 32 -> dropout -> block[3] --+
        stride 16 -> dropout ------------> block[2] --+
        stride 8  ----------------------------------> block[1] --+
        stride 4  ---------------------------------------------> block[0] -> dropout -> classifier 3 x 3

    The maps may have any sizes: the coarser one is resized to the finer one's, so that any image fits.

    Args:
        in_channels: Channels of the maps, finest first; any number of maps.
        channels: Of all blocks but the coarsest.
        top_channels: Of the coarsest block, 512 in the original.
        num_pools: Links of the chained pooling: 4 in the released networks.
        conv_first: Convolution before pooling in the chain, called improved in the original code; the released VOC and
            Cityscapes weights have pooling first.
        units_before: Residual convolution units of each backbone map.
        units_after: Residual convolution units after each pooling.
        dropout_ratio: On the two coarsest maps and in front of the classifier.
        norm_cfg: Norm after every convolution but the classifier; the original has none.
        in_index: Of the maps that are read; None reads the first ones.
        align_corners: Of all resizing, the last one to the image included.
        kwargs: Of ``OwnClassifierHead``.

    Shape:
        ``forward``: maps (B, C_i, h_i, w_i) -> scores (B, C, h_0, w_0).
    """

    several_maps = True

    def __init__(self,
                 in_channels: Sequence[int],
                 *,
                 num_classes: int,
                 channels: int = 256,
                 top_channels: int = 512,
                 num_pools: int = 4,
                 conv_first: bool = False,
                 units_before: int = 2,
                 units_after: int = 3,
                 dropout_ratio: float = 0.5,
                 norm_cfg: dict | None = None,
                 in_index: Sequence[int] | None = None,
                 align_corners: bool = True,
                 init_cfg: dict | list | None = NORMAL_01,
                 **kwargs: Any) -> None:
        super().__init__(
            in_channels,
            num_classes=num_classes,
            in_index=in_index,
            align_corners=align_corners,
            norm_cfg=norm_cfg,
            init_cfg=init_cfg,
            **kwargs)
        widths = [channels] * (len(in_channels) - 1) + [top_channels]
        self.cascade = RefineCascade([
            RefineBlock(
                [source],
                width,
                None if index == 0 else widths[index - 1],
                units_before=units_before,
                units_after=units_after,
                num_pools=num_pools,
                conv_first=conv_first,
                adapt=index < len(in_channels) - 1,
                norm_cfg=norm_cfg) for index, (source, width) in enumerate(zip(in_channels, widths, strict=True))
        ], align_corners=align_corners)
        self.drop = nn.Dropout(dropout_ratio)
        self.classifier = nn.Conv2d(widths[0], self.out_channels, 3, padding=1)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Score the finest map's cells."""
        maps = self._transform_inputs(inputs)
        groups = [[self.drop(level)] if index >= len(maps) - 2 else [level] for index, level in enumerate(maps)]
        return self.classifier(self.drop(self.cascade(groups)))
