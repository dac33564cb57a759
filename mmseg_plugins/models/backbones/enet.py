"""The encoder of ENet.

Paper: "ENet: A Deep Neural Network Architecture for Real-Time Semantic Segmentation", https://arxiv.org/abs/1606.02147.
Original and port: see ``models/layers/enet_blocks.py``, which also says how they differ.

Shapes: B images, w base channels, H x W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmseg_plugins.models.layers.enet_blocks import Bottleneck, DownBottleneck, ENetStyle, InitialBlock, enet_style
from mmseg_plugins.registry import MODELS


@MODELS.register_module()
class ENet(BaseModule):
    """ENet's encoder: 0.2 M parameters, most of its work at stride 8.

    .. code-block:: none

        initial (w, stride 2) - down1 - stage1 (4w, stride 4) - down2 - stage2 - stage3 (8w, stride 8)
                                  |                               |
                                  +- indices (w, stride 4)        +- indices (4w, stride 8)

    Args:
        variant: ``'paper'`` (the Torch 7 original) or ``'port'`` (the PyTorch port whose weights are converted).
        base_channels: w; 16 is the paper's.
        dropouts: Shares of maps dropped in the first five bottlenecks and in the others.
        with_indices: Give the pooling indices, too, which ``ENetHead`` reads.  Without them the maps feed any head.

    Shape:
        (B, 3, H, W) -> maps (B, w, H/2, W/2), (B, 4w, H/4, W/4), (B, 8w, H/8, W/8), then int64 indices (B, w, H/4, W/4)
        and (B, 4w, H/8, W/8).  Odd sizes: the initial block rounds up; the others round up in ``'paper'`` and down in
        ``'port'``, as the port does.

    Raises:
        ValueError: unknown variant, or (``'port'``) an image below 8 px.
    """

    def __init__(self,
                 variant: str = 'paper',
                 *,
                 base_channels: int = 16,
                 dropouts: Sequence[float] = (0.01, 0.1),
                 with_indices: bool = True,
                 init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        style = enet_style(variant, 'ENet')
        if base_channels < 4 or base_channels % 4:
            raise ValueError(f'ENet: base_channels={base_channels} must be a multiple of 4: bottlenecks have a quarter '
                             'of the width inside')
        self.with_indices = with_indices
        self.least_side = 1 if style.ceil else 8
        small, large = dropouts
        width = base_channels
        self.initial = InitialBlock(width, style=style)
        self.down1 = DownBottleneck(width, 4 * width, style=style, dropout=small)
        self.stage1 = nn.Sequential(*(Bottleneck(4 * width, style=style, dropout=small) for _ in range(4)))
        self.down2 = DownBottleneck(4 * width, 8 * width, style=style, dropout=large)
        self.stage2 = _dilated_stage(8 * width, style, large)
        self.stage3 = _dilated_stage(8 * width, style, large)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Give three maps and, with ``with_indices``, the indices of the two pools between them."""
        if min(x.shape[-2:]) < self.least_side:
            least = f'{self.least_side} x {self.least_side}'
            raise ValueError(f'ENet: an image of {x.shape[-2]} x {x.shape[-1]} px is too small for three halvings that '
                             f'round down; pad it to at least {least} (data_preprocessor: size, or '
                             'test_cfg=dict(size=...))')
        first = self.initial(x)
        second, indices1 = self.down1(first)
        second = self.stage1(second)
        third, indices2 = self.down2(second)
        third = self.stage3(self.stage2(third))
        maps = first, second, third
        return (*maps, indices1, indices2) if self.with_indices else maps


def _dilated_stage(channels: int, style: ENetStyle, dropout: float) -> nn.Sequential:
    """Eight bottlenecks: plain, dilated by 2, 5-wide, by 4, plain, by 8, 5-wide, by 16."""
    return nn.Sequential(*(
        Bottleneck(channels, style=style, dilation=dilation, asymmetric=dilation == 0, dropout=dropout)
        for dilation in (1, 2, 0, 4, 1, 8, 0, 16)))
