"""Dense blocks of FC-DenseNet: every layer reads the maps of all layers before it.

Paper: "The One Hundred Layers Tiramisu: Fully Convolutional DenseNets for Semantic Segmentation",
https://arxiv.org/abs/1611.09326.  Original: https://github.com/SimJeg/FC-DenseNet at cf2375b (Lasagne).

Shapes: B images, C channels, g growth rate, L layers, H x W cells.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from .batch_norm import TestTimeBatchNorm2d
from .dropout import build_dropout

#: He's uniform fill of every convolution, biases zero.
HE_UNIFORM = dict(type='Kaiming', layer=['Conv2d', 'ConvTranspose2d'], a=0, mode='fan_in', nonlinearity='relu', bias=0,
                  distribution='uniform')


class DenseLayer(nn.Module):
    """Batch norm - ReLU - 3x3 convolution - dropout: (B, C, H, W) -> (B, g, H, W)."""

    def __init__(self, in_channels: int, growth_rate: int, *, dropout: float = 0.2,
                 dropout_kind: str = 'element') -> None:
        super().__init__()
        self.norm = TestTimeBatchNorm2d(in_channels)
        self.conv = nn.Conv2d(in_channels, growth_rate, 3, padding=1)
        self.drop = build_dropout(dropout_kind, dropout, 'dropout_kind')

    def forward(self, x: Tensor) -> Tensor:
        """Give g new maps."""
        return self.drop(self.conv(torch.relu(self.norm(x))))

    def forward_again(self, *maps: Tensor) -> Tensor:
        """:meth:`forward` of the concatenated maps, keeping nothing but ``maps`` for the backward pass.

        Concatenation, norm and ReLU are computed again there, without counting the batch twice in the running
        statistics.
        """
        runs = 0

        def run(*inputs: Tensor) -> Tensor:
            nonlocal runs
            runs += 1
            self.norm.keep_running = runs > 1
            try:
                return self.forward(torch.cat(inputs, 1))
            finally:
                self.norm.keep_running = False

        return checkpoint(run, *maps, use_reentrant=False)


class DenseBlock(nn.Module):
    """L dense layers.

    Args:
        with_cp: Trade time for memory: a layer's input, which is all maps before it, is not kept for the backward pass
            but put together again.  Memory then grows with L instead of L squared.

    Shape:
        (B, C, H, W) -> all maps (B, C + L g, H, W), input first, and the new ones alone (B, L g, H, W).
    """

    def __init__(self, in_channels: int, growth_rate: int, num_layers: int, *, dropout: float = 0.2,
                 dropout_kind: str = 'element', with_cp: bool = False) -> None:
        super().__init__()
        self.with_cp = with_cp
        self.layers = nn.ModuleList(
            DenseLayer(in_channels + index * growth_rate, growth_rate, dropout=dropout, dropout_kind=dropout_kind)
            for index in range(num_layers))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Give the stack of all maps and the stack of the new ones."""
        maps = [x]
        for layer in self.layers:
            assert isinstance(layer, DenseLayer)
            again = self.with_cp and torch.is_grad_enabled()
            maps.append(layer.forward_again(*maps) if again else layer(torch.cat(maps, 1)))
        return torch.cat(maps, 1), torch.cat(maps[1:], 1)


class TransitionDown(nn.Module):
    """Batch norm - ReLU - 1x1 convolution - dropout - 2x2 max pool: (B, C, H, W) -> (B, C, H // 2, W // 2)."""

    def __init__(self, channels: int, *, dropout: float = 0.2, dropout_kind: str = 'element') -> None:
        super().__init__()
        self.norm = TestTimeBatchNorm2d(channels)
        self.conv = nn.Conv2d(channels, channels, 1)
        self.drop = build_dropout(dropout_kind, dropout, 'dropout_kind')
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        """Give the map of half the size."""
        return self.pool(self.drop(self.conv(torch.relu(self.norm(x)))))


def use_batch_statistics(module: nn.Module, switch: bool) -> None:
    """Set ``batch_statistics`` of every :class:`TestTimeBatchNorm2d` inside."""
    for part in module.modules():
        if isinstance(part, TestTimeBatchNorm2d):
            part.batch_statistics = switch
