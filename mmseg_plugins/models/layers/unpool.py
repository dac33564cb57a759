"""Max pooling that remembers where its maxima were, and the unpooling that puts values back there.

Papers: SegNet, https://arxiv.org/abs/1511.00561; DeconvNet, https://arxiv.org/abs/1505.04366; ENet,
https://arxiv.org/abs/1606.02147.

Shapes: B images, C channels, H x W cells before the pooling, h x w after it.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn


class IndexMaxPool2d(nn.MaxPool2d):
    """``nn.MaxPool2d`` that also gives the places of the maxima.

    Args:
        kernel_size, stride, padding, dilation, ceil_mode: Of ``nn.MaxPool2d``.  Caffe rounds up (``ceil_mode=True``).

    Shape:
        (B, C, H, W) -> values (B, C, h, w), indices (B, C, h, w) int64.  An index counts the cells of its own plane row
        by row: cell (y, x) is y W + x, whatever the padding.  The first of equal values wins.

    Raises:
        ValueError: a window finds no cell, so that h or w would be 0.
    """

    def __init__(self, kernel_size: int = 2, stride: int = 2, **kwargs: Any) -> None:
        super().__init__(kernel_size, stride, return_indices=True, **kwargs)
        self.least = kernel_size - 2 * kwargs.get('padding', 0)  # cells that one window needs

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Give the maxima and their places."""
        if not self.ceil_mode and min(x.shape[-2:]) < self.least:
            raise ValueError(f'a map of {x.shape[-2]} x {x.shape[-1]} cells is smaller than the pooling window of '
                             f'{self.kernel_size}; give a larger image, or ceil_mode=True, which pools any size')
        return super().forward(x)


def max_unpool(x: Tensor, indices: Tensor, size: tuple[int, int]) -> Tensor:
    """Put every value at the place its index names; zero everywhere else.

    What ``F.max_unpool2d`` computes, for any kernel, stride, padding and rounding of the pooling, in half precision
    too.  Gradients flow to ``x``.  Where windows overlap (ENet's pool of 3 x 3), two values may
    have one place: on a CPU the later one stays, on a GPU either may; windows that do not overlap leave no choice.

    Args:
        x: (B, C, h, w).
        indices: (B, C, h, w) int64, of :class:`IndexMaxPool2d`.
        size: H, W of the map that was pooled.

    Returns:
        (B, C, H, W).

    Raises:
        ValueError: ``x`` and ``indices`` differ in shape, or the size has fewer cells than ``x``.

    Example:
        value 7 with index 5 in a plane of 3 x 4 cells goes to row 1, column 1.
    """
    if x.shape != indices.shape:
        raise ValueError(f'unpooling needs an index for every value: values {tuple(x.shape)}, indices '
                         f'{tuple(indices.shape)}; take the indices of the pooling that made maps of this size and '
                         'width')
    batch, channels, rows, columns = x.shape
    height, width = size
    if height < rows or width < columns:
        raise ValueError(f'{rows} x {columns} values cannot be unpooled to {height} x {width} cells; size must be that '
                         'of the map that was pooled')
    flat = x.new_zeros(batch, channels, height * width)
    flat = flat.scatter(2, indices.flatten(2), x.flatten(2))
    return flat.view(batch, channels, height, width)
