"""RefineNet's residual convolution unit: a pre-activated residual block without batch norm."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import conv_block


class ResidualConvUnit(nn.Module):
    """x + conv(ReLU(conv(ReLU(x)))), both 3 x 3; only the first convolution has a bias.

    Args:
        channels: C.
        norm_cfg: Norm after every convolution (then without bias); the original has none.

    Shape:
        (B, C, h, w) -> the same.

    Reference:
        https://arxiv.org/abs/1611.06612, section 3.2.  The biases are those of utils/layer_factory.py in
        https://github.com/DrSleep/refinenet-pytorch/tree/8f25c076016e61a835551493aae303e81cf36c53 .
    """

    def __init__(self, channels: int, *, norm_cfg: dict | None = None) -> None:
        super().__init__()
        where = 'ResidualConvUnit'
        self.conv1 = conv_block(channels, channels, 3, where=where, bias=norm_cfg is None, norm_cfg=norm_cfg)
        self.conv2 = conv_block(channels, channels, 3, where=where, bias=False, norm_cfg=norm_cfg)

    def forward(self, x: Tensor) -> Tensor:
        """Add the residual to the map, which is left as it is."""
        return x + self.conv2(F.relu(self.conv1(F.relu(x))))
