"""Chained residual pooling: context of a growing window, added step by step.

Paper: RefineNet, https://arxiv.org/abs/1611.06612, section 3.2.  Original code: https://github.com/guosheng/refinenet
(main/gen_network_pool_block.m, both orders) and, in PyTorch, utils/layer_factory.py of
https://github.com/DrSleep/refinenet-pytorch/tree/8f25c076016e61a835551493aae303e81cf36c53 .
"""

from __future__ import annotations

from torch import Tensor, nn

from .blocks import conv_block


class ChainedResidualPooling(nn.Module):
    """A chain of max pooling (5 x 5, stride 1) and convolution; the sum of the input and of every link.

    .. code-block:: none

        x ---------+---------+--- ... -> sum
        |          |         |
        +-> pool -> conv -> pool -> conv -> ...          conv_first=False, the paper and the released weights
        +-> conv -> pool -> conv -> pool -> ...          conv_first=True, called improved in the original code

    The chain of n links sees windows of 5, 9, .., 4 n + 1 cells.

    Args:
        channels: C.
        kernel_size: Of the convolutions, which have no bias: 3, or 1 in the light-weight network.
        num_pools: Links; 4 in the released networks, 2 in the original's training demo.
        conv_first: Convolution before pooling.
        norm_cfg: Norm after every convolution; the original has none.

    Shape:
        (B, C, h, w) -> the same.
    """

    def __init__(self,
                 channels: int,
                 *,
                 kernel_size: int = 3,
                 num_pools: int = 4,
                 conv_first: bool = False,
                 norm_cfg: dict | None = None) -> None:
        super().__init__()
        self.conv_first = conv_first
        self.pool = nn.MaxPool2d(5, stride=1, padding=2)
        self.convs = nn.ModuleList(
            conv_block(channels, channels, kernel_size, where='ChainedResidualPooling', bias=False, norm_cfg=norm_cfg)
            for _ in range(num_pools))

    def forward(self, x: Tensor) -> Tensor:
        """Add the links of the chain to the map."""
        link = x
        for conv in self.convs:
            link = self.pool(conv(link)) if self.conv_first else conv(self.pool(link))
            x = x + link
        return x
