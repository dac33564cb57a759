"""RefineNet's blocks, and their cascade from the coarsest maps to the finest.

Paper: https://arxiv.org/abs/1611.06612 , section 3; light-weight: https://arxiv.org/abs/1810.03272 .
"""

from __future__ import annotations

from collections.abc import Sequence

from mmcv.cnn import build_activation_layer
from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import conv_block
from .chained_pooling import ChainedResidualPooling
from .residual_conv_unit import ResidualConvUnit


class RefineBlock(nn.Module):
    """The maps of one stride, refined and joined with what the coarser block gives.

    .. code-block:: none

        maps -> reduce (each) -> sum -> before -> adapt --+
                                                          +--> act -> pooling -> after -> out
        coarser, resized --------------------------------+

    Where nothing coarser comes in, the original has no fusion and so no ``adapt``; the last block has no ``out``.

    Args:
        in_channels: Channels of the maps of this stride; several are added after their convolutions.
        channels: C, inside the block.
        out_channels: Of the block; None leaves out the last convolution.
        kernel_size: Of reduce, adapt, out and of the pooling's convolutions, none of which has a bias.
        units_before: Residual convolution units of the backbone's maps.
        units_after: Residual convolution units after the pooling.
        num_pools: Links of the chained pooling.
        conv_first: The chained pooling's order.
        adapt: Whether there is a convolution in front of the sum with the coarser map.
        act_cfg: Activation in front of the pooling.
        norm_cfg: Norm after every convolution; the original has none.

    Shape:
        ``forward``: maps (B, C_i, h, w) and the coarser block's (B, C, h, w), or None -> (B, D, h, w), where D is
        ``out_channels``, or C.
    """

    def __init__(self,
                 in_channels: Sequence[int],
                 channels: int,
                 out_channels: int | None,
                 *,
                 kernel_size: int = 3,
                 units_before: int = 0,
                 units_after: int = 0,
                 num_pools: int = 4,
                 conv_first: bool = False,
                 adapt: bool = True,
                 act_cfg: dict | None = None,
                 norm_cfg: dict | None = None) -> None:
        super().__init__()

        def conv(source: int, target: int) -> nn.Module:
            return conv_block(source, target, kernel_size, where='RefineBlock', bias=False, norm_cfg=norm_cfg)

        def units(count: int) -> nn.Module:
            return nn.Sequential(*(ResidualConvUnit(channels, norm_cfg=norm_cfg) for _ in range(count)))

        self.reduce = nn.ModuleList(conv(source, channels) for source in in_channels)
        self.before = units(units_before)
        self.adapt = conv(channels, channels) if adapt else nn.Identity()
        self.act = build_activation_layer(dict(act_cfg or dict(type='ReLU'), inplace=False))
        self.pooling = ChainedResidualPooling(
            channels, kernel_size=kernel_size, num_pools=num_pools, conv_first=conv_first, norm_cfg=norm_cfg)
        self.after = units(units_after)
        self.out = nn.Identity() if out_channels is None else conv(channels, out_channels)

    def forward(self, maps: Sequence[Tensor], coarser: Tensor | None = None) -> Tensor:
        """Refine the maps of one stride."""
        x = self.reduce[0](maps[0])
        for reduce, level in zip(self.reduce[1:], maps[1:], strict=True):
            x = x + reduce(level)
        x = self.adapt(self.before(x))
        if coarser is not None:
            x = x + coarser
        return self.out(self.after(self.pooling(self.act(x))))


class RefineCascade(nn.Module):
    """Blocks from the coarsest to the finest; between two of them the map is resized bilinearly to the finer size.

    Args:
        blocks: Finest first.
        align_corners: Of the resizing; True in the original.

    Shape:
        One list of maps a block, finest first -> (B, C, h, w) of the finest.
    """

    def __init__(self, blocks: Sequence[RefineBlock], *, align_corners: bool = True) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.align_corners = align_corners

    def forward(self, groups: Sequence[Sequence[Tensor]]) -> Tensor:
        """Refine all maps into the finest."""
        x = None
        for block, maps in zip(reversed(self.blocks), reversed(groups), strict=True):
            if x is not None:
                x = F.interpolate(x, size=maps[0].shape[-2:], mode='bilinear', align_corners=self.align_corners)
            x = block(maps, x)
        assert x is not None
        return x
