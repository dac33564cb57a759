"""Blocks of ENet in its two published forms, and what tells them apart.

Paper: "ENet: A Deep Neural Network Architecture for Real-Time Semantic Segmentation", https://arxiv.org/abs/1606.02147.
Original: https://github.com/e-lab/ENet-training (Torch 7).  Port: https://github.com/davidtvs/PyTorch-ENet at e17d404.

Shapes: B images, C_in and C_out channels, H x W cells.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .unpool import IndexMaxPool2d, max_unpool


class ENetStyle(NamedTuple):
    """What differs between the original and the port.

    Attributes:
        norm_eps: Of every batch norm.
        bias: Of convolutions that are not 1x1: the middle ones, the transposed ones and the last.
        shared_slope: One PReLU parameter a layer instead of one a channel.
        split_norm: Batch norm and activation between the halves of a 5-wide middle, which is 5x1 first; without
            it 1x5 comes first and nothing is between.
        act_after_expansion: An activation between the last 1x1 and the sum, but for upsampling blocks.
        narrow_from_input: Blocks that change the size are inside a quarter as wide as their input, not their output.
        initial_pool: Kernel of the first pool, whose stride is 2.
        up_kernel, last_kernel: Of the transposed convolutions of stride 2 in the decoder and at its end.
        decoder_dropout: Share of maps that the decoder drops.
        ceil: Odd sizes are rounded up at every pool (the original stops at them).
    """

    norm_eps: float
    bias: bool
    shared_slope: bool
    split_norm: bool
    act_after_expansion: bool
    narrow_from_input: bool
    initial_pool: int
    up_kernel: int
    last_kernel: int
    decoder_dropout: float
    ceil: bool


STYLES = {
    'paper': ENetStyle(
        norm_eps=1e-3, bias=True, shared_slope=False, split_norm=False, act_after_expansion=False,
        narrow_from_input=False, initial_pool=2, up_kernel=3, last_kernel=2, decoder_dropout=0.0, ceil=True),
    'port': ENetStyle(
        norm_eps=1e-5, bias=False, shared_slope=True, split_norm=True, act_after_expansion=True,
        narrow_from_input=True, initial_pool=3, up_kernel=2, last_kernel=3, decoder_dropout=0.1, ceil=False),
}


def enet_style(variant: str, where: str) -> ENetStyle:
    """The style called ``variant``.

    Raises:
        ValueError: there is none of this name.
    """
    if variant not in STYLES:
        raise ValueError(f'{where}: variant={variant!r} must be one of {sorted(STYLES)} (the original, or the PyTorch '
                         'port whose weights are converted)')
    return STYLES[variant]


def activation(channels: int, style: ENetStyle, relu: bool) -> nn.Module:
    """PReLU as in the encoder, or ReLU as in the decoder."""
    return nn.ReLU() if relu else nn.PReLU(1 if style.shared_slope else channels)


class InitialBlock(nn.Module):
    """Strided convolution next to a max pool: (B, 3, H, W) -> (B, C_out, ceil(H / 2), ceil(W / 2)).

    .. code-block:: none

        image -+- conv 3x3, stride 2 (C_out - 3) -+- concatenate - norm - act
               +- pool (3) -----------------------+
    """

    def __init__(self, out_channels: int, *, style: ENetStyle, in_channels: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels - in_channels, 3, stride=2, padding=1, bias=style.bias)
        # On even sizes both kernels give H / 2; on odd ones the convolution gives (H + 1) / 2, and so must the pool.
        even = style.initial_pool % 2 == 0
        self.pool = nn.MaxPool2d(style.initial_pool, 2, padding=(style.initial_pool - 1) // 2, ceil_mode=even)
        self.norm = nn.BatchNorm2d(out_channels, eps=style.norm_eps)
        self.act = activation(out_channels, style, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        """Give the first map, at stride 2."""
        return self.act(self.norm(torch.cat([self.conv(x), self.pool(x)], 1)))


class Bottleneck(nn.Module):
    """A block of unchanged size: reduce 1x1 - middle - expand 1x1 - drop, added to its input.

    Args:
        channels: C_in = C_out.
        dilation: Of the 3x3 middle.
        asymmetric: A middle of 5x1 and 1x5 instead.
        relu: ReLU instead of PReLU.

    Shape:
        (B, C, H, W) -> (B, C, H, W).
    """

    def __init__(self, channels: int, *, style: ENetStyle, dilation: int = 1, asymmetric: bool = False,
                 relu: bool = False, dropout: float = 0.0) -> None:
        super().__init__()
        width = channels // 4
        self.reduce = _conv_norm(nn.Conv2d(channels, width, 1, bias=False), style, relu)
        self.middle = _asymmetric(width, style, relu) if asymmetric else _conv_norm(
            nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation, bias=style.bias), style, relu)
        self.expand = _conv_norm(nn.Conv2d(width, channels, 1, bias=False), style, relu, style.act_after_expansion)
        self.drop = nn.Dropout2d(dropout)
        self.act = activation(channels, style, relu)

    def forward(self, x: Tensor) -> Tensor:
        """Refine a map."""
        return self.act(x + self.drop(self.expand(self.middle(self.reduce(x)))))


class DownBottleneck(nn.Module):
    """A block that halves the size; its short cut is a max pool whose indices the decoder takes, plus maps of zeros.

    Shape:
        (B, C_in, H, W) -> map (B, C_out, H', W') and indices (B, C_in, H', W') into the H x W cells of each map; H'
        is H / 2, for odd H rounded as the style says.
    """

    def __init__(self, in_channels: int, out_channels: int, *, style: ENetStyle, dropout: float = 0.0) -> None:
        super().__init__()
        width = (in_channels if style.narrow_from_input else out_channels) // 4
        self.pool = IndexMaxPool2d(2, 2, ceil_mode=style.ceil)
        self.more = out_channels - in_channels
        self.reduce = _conv_norm(nn.Conv2d(in_channels, width, 2, stride=2, bias=False), style, False)
        self.middle = _conv_norm(nn.Conv2d(width, width, 3, padding=1, bias=style.bias), style, False)
        self.expand = _conv_norm(nn.Conv2d(width, out_channels, 1, bias=False), style, False, style.act_after_expansion)
        self.drop = nn.Dropout2d(dropout)
        self.act = activation(out_channels, style, relu=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Give the smaller map, and where the maxima of its short cut were."""
        short, indices = self.pool(x)
        if self.pool.ceil_mode:
            x = F.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2))
        main = self.drop(self.expand(self.middle(self.reduce(x))))
        short = F.pad(short, (0, 0, 0, 0, 0, self.more))  # zeros after the pooled maps
        return self.act(short + main), indices


class UpBottleneck(nn.Module):
    """A block that doubles the size; its short cut puts values where a pool of the encoder had its maxima.

    Shape:
        map (B, C_in, h, w), indices (B, C_out, h, w), size H, W -> (B, C_out, H, W).
    """

    def __init__(self, in_channels: int, out_channels: int, *, style: ENetStyle, dropout: float = 0.0) -> None:
        super().__init__()
        width = (in_channels if style.narrow_from_input else out_channels) // 4
        kernel = style.up_kernel
        self.short = _conv_norm(nn.Conv2d(in_channels, out_channels, 1, bias=False), style, True, False)
        self.reduce = _conv_norm(nn.Conv2d(in_channels, width, 1, bias=False), style, True)
        self.upsample = nn.ConvTranspose2d(width, width, kernel, stride=2, padding=(kernel - 1) // 2, bias=style.bias)
        self.norm = nn.BatchNorm2d(width, eps=style.norm_eps)
        self.expand = _conv_norm(nn.Conv2d(width, out_channels, 1, bias=False), style, True, False)
        self.drop = nn.Dropout2d(dropout)

    def forward(self, x: Tensor, indices: Tensor, size: tuple[int, int]) -> Tensor:
        """Give the larger map; ``size`` is that of the map which was pooled."""
        short = max_unpool(self.short(x), indices, size)
        main = self.upsample(self.reduce(x), output_size=list(size))
        return F.relu(short + self.drop(self.expand(F.relu(self.norm(main)))))


def _conv_norm(conv: nn.Conv2d, style: ENetStyle, relu: bool, act: bool = True) -> nn.Sequential:
    """Convolution, batch norm and, with ``act``, an activation."""
    layers: list[nn.Module] = [conv, nn.BatchNorm2d(conv.out_channels, eps=style.norm_eps)]
    return nn.Sequential(*layers, *([activation(conv.out_channels, style, relu)] if act else []))


def _asymmetric(width: int, style: ENetStyle, relu: bool) -> nn.Sequential:
    """A 5x5 middle as two convolutions of five weights each."""
    if style.split_norm:
        first = nn.Conv2d(width, width, (5, 1), padding=(2, 0), bias=style.bias)
        second = nn.Conv2d(width, width, (1, 5), padding=(0, 2), bias=style.bias)
        return nn.Sequential(*_conv_norm(first, style, relu), *_conv_norm(second, style, relu))
    first = nn.Conv2d(width, width, (1, 5), padding=(0, 2), bias=False)
    second = nn.Conv2d(width, width, (5, 1), padding=(2, 0), bias=style.bias)
    return nn.Sequential(first, *_conv_norm(second, style, relu))
