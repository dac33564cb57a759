"""Weighted sums of a few rows of a table: what deformable convolution, deformable attention and CARAFE share.

A map is kept as a table: one row per pixel, its channels side by side.  A bilinear sample is a weighted sum of four
rows, and so on.  ``embedding_bag`` reads whole rows and adds them up without writing the products to memory.

Shapes: T rows of C values in the table; M sums of S rows each; maps of H x W pixels.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

MAX_NUMBERS = 1 << 22  # numbers made at a time in addition to the result: 16 MiB of float32, near the caches


class _WeightedRows(torch.autograd.Function):
    """The sums; the gradient of the table is again a sum of rows, sorted by table row: no atomic additions, the same
    result in every run."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, index: Tensor, weight: Tensor) -> Tensor:
        ctx.rows, ctx.index = table.size(0), index
        ctx.save_for_backward(weight)
        if not ctx.needs_input_grad[2]:
            return F.embedding_bag(index, table, mode='sum', per_sample_weights=weight)
        if not _weights_may_need_gradients():
            ctx.table = table.detach()
            return F.embedding_bag(index, ctx.table, mode='sum', per_sample_weights=weight.detach())
        # PyTorch has a kernel for the gradient of the weights, the scalar products of rows; its graph is kept for it.
        with torch.enable_grad():
            ctx.leaf = weight.detach().requires_grad_()
            ctx.sums = F.embedding_bag(index, table.detach(), mode='sum', per_sample_weights=ctx.leaf)
        return ctx.sums.detach()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, None, Tensor | None]:
        weight, = ctx.saved_tensors
        grad = grad.contiguous()
        to_table = _transposed(grad, ctx.index, weight, ctx.rows) if ctx.needs_input_grad[0] else None
        to_weight = None
        if ctx.needs_input_grad[2] and not _weights_may_need_gradients():
            to_weight = torch.einsum('msc,mc->ms', ctx.table[ctx.index], grad)
        elif ctx.needs_input_grad[2]:
            to_weight, = torch.autograd.grad(ctx.sums, ctx.leaf, grad, retain_graph=True)
        return to_table, None, to_weight


@cache
def _weights_may_need_gradients() -> bool:
    """Whether ``embedding_bag`` gives gradients of the weights alone; torch 2.1 fails on an assertion of its own."""
    with torch.enable_grad():
        index, table = torch.zeros(1, 1, dtype=torch.long), torch.ones(1, 1)
        try:
            F.embedding_bag(index, table, mode='sum', per_sample_weights=torch.ones(1, 1, requires_grad=True))
        except RuntimeError:
            return False
    return True


def _transposed(grad: Tensor, index: Tensor, weight: Tensor, rows: int) -> Tensor:
    """Weighted sum, per table row, of the ``grad`` (M, C) of the sums that read it -> (rows, C)."""
    key = index.flatten()
    place, order = (key.int() if rows < 1 << 31 else key).sort(stable=True)  # int32 is sorted in half the time
    start = torch.searchsorted(place, torch.arange(rows, device=place.device, dtype=place.dtype))
    source = torch.div(order, index.size(1), rounding_mode='floor')
    return F.embedding_bag(source, grad, start, mode='sum', per_sample_weights=weight.flatten()[order])


def weighted_rows(table: Tensor, index: Tensor, weight: Tensor) -> Tensor:
    """Row m of the result is the sum over s of ``weight[m, s] * table[index[m, s]]``.

    Differentiable once, in the table and in the weights.

    Args:
        table: (T, C), contiguous, float32 or float64.
        index: (M, S), int64, each in 0 .. T - 1.
        weight: (M, S), of the table's type.

    Returns:
        (M, C).
    """
    if index.numel() == 0:
        return table.new_zeros(len(index), table.size(1)) + 0 * (table.sum() + weight.sum())
    return _WeightedRows.apply(table, index, weight)


def bilinear_corners(y: Tensor, x: Tensor, height: int | Tensor, width: int | Tensor) -> tuple[Tensor, Tensor]:
    """The four pixels of bilinear samples in a map that is surrounded by zeros.

    Pixel centers lie at 0 .. H - 1.  A sample at -1 or less, or at H or more, reads nothing (NaN too) and its
    position gets no gradient; between -1 and 0 it reads the border pixel in part.  On a pixel center the derivative
    is the one to the right.  The sample (0.25, -0.5) reads 0.375 of pixel (0, 0) and 0.125 of pixel (1, 0).

    Args:
        y, x: Positions in pixels, of one shape.
        height, width: H and W, one for all or broadcastable to the positions.

    Returns:
        The pixel numbers ``row * W + column`` and the weights, both of the shape of ``y`` with 4 more at the end.
        A pixel outside the map has weight 0 and the number of one within.
    """
    inside = (y > -1) & (y < height) & (x > -1) & (x < width)
    rows, of_rows = _axis(torch.where(inside, y, 0), height)
    columns, of_columns = _axis(torch.where(inside, x, 0), width)
    pitch = width[..., None, None] if isinstance(width, Tensor) else width
    pixel = rows[..., :, None] * pitch + columns[..., None, :]  # (..., 2, 2)
    weight = of_rows[..., :, None] * (of_columns * inside[..., None])[..., None, :]
    return pixel.flatten(-2), weight.flatten(-2)


def _axis(position: Tensor, size: int | Tensor) -> tuple[Tensor, Tensor]:
    """The two pixels next to each position on one axis and their weights, (..., 2) each."""
    low = position.detach().floor()
    fraction = position - low
    first = low.long()
    pixel = torch.stack([first, first + 1], -1)
    within = (pixel >= 0) & (pixel < (size[..., None] if isinstance(size, Tensor) else size))
    return torch.where(within, pixel, 0), torch.stack([1 - fraction, fraction], -1) * within
