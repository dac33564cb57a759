"""Pooling with separable weights: out = Wy F Wx^T for every RoI, where Wy and Wx have a few non-zeros a bin.

Interpolation and exact integration of the bilinear surface are both of this kind; an operator states only where a bin's
taps lie along one axis, and their weights.  Differentiable in the map and in the weights, hence in the RoIs.

Shapes: N RoIs, P x Q bins, J taps at most along an axis, T table rows of C channels, K taps in all.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from . import window_pool
from .roi_geometry import Spans
from .window_pool import Members, Run, Windows, cut_into_runs, gather_runs, list_members, make_windows, spread


class Taps(NamedTuple):
    """The pixels a bin reads along one axis, and their weights.

    Attributes:
        spans: First pixel and number of pixels, (N, P) each.
        weight: (N, P, J), J at least the longest length; what lies beyond a bin's length is not read.
    """

    spans: Spans
    weight: Tensor


class _SeparableSum(torch.autograd.Function):
    """Sum of the table's rows under each window times the product of two axis weights."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, wy: Tensor, wx: Tensor, windows: Windows, limit: int) -> Tensor:
        ctx.windows, ctx.rows, ctx.runs = windows, table.size(0), cut_into_runs(windows, limit)
        ctx.save_for_backward(table if ctx.needs_input_grad[1] or ctx.needs_input_grad[2] else None, wy, wx)

        def weighted(run: Run) -> Tensor:
            members = list_members(windows.part(run))
            iy, ix = _places(members, run.windows.start, wy, wx)
            weight = wy.flatten()[iy] * wx.flatten()[ix]
            return F.embedding_bag(members.row, table, members.start, mode='sum', per_sample_weights=weight)

        return gather_runs(weighted, ctx.runs, table, len(windows.corner))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None, None]:
        table, wy, wx = ctx.saved_tensors
        for_table, for_weights = ctx.needs_input_grad[0], table is not None
        grad_table = grad.new_zeros(ctx.rows, grad.size(1)) if for_table else None
        grad_y, grad_x = torch.zeros_like(wy).flatten(), torch.zeros_like(wx).flatten()
        for run in ctx.runs:
            members, part = list_members(ctx.windows.part(run)), grad[run.windows].contiguous()
            iy, ix = _places(members, run.windows.start, wy, wx)
            weight_y, weight_x = wy.flatten()[iy], wx.flatten()[ix]
            if grad_table is not None:
                grad_table += spread(part, members, weight_y * weight_x, ctx.rows)
            if for_weights:
                product = _products(table, part, members)
                grad_y.index_add_(0, iy, product * weight_x)
                grad_x.index_add_(0, ix, product * weight_y)
        if not for_weights:
            return grad_table, None, None, None, None
        return grad_table, grad_y.view_as(wy), grad_x.view_as(wx), None, None


def _places(members: Members, first: int, wy: Tensor, wx: Tensor) -> tuple[Tensor, Tensor]:
    """Where the two weights of each member stand in ``wy`` (N, P, J) and ``wx`` (N, Q, J'), flattened."""
    bins_y, bins_x = wy.size(1), wx.size(1)
    window = members.window + first  # (n P + p) Q + q
    n_p = torch.div(window, bins_x, rounding_mode='trunc')
    n_q = torch.div(n_p, bins_y, rounding_mode='trunc') * bins_x + (window - n_p * bins_x)
    return n_p * wy.size(2) + members.dy, n_q * wx.size(2) + members.dx


def _products(table: Tensor, grad: Tensor, members: Members) -> Tensor:
    """<table row, gradient of its window> of every member, (K,)."""
    step = window_pool.most_windows(table)
    return torch.cat([(table[row] * grad[window]).sum(1)
                      for row, window in zip(members.row.split(step), members.window.split(step), strict=True)])


def separable_sum(table: Tensor, rois: Tensor, y: Taps, x: Taps, map_size: tuple[int, int], total: int) -> Tensor:
    """Pool every RoI with the taps of its rows and columns.

    Args:
        table: Pixels of the maps, (B H W, C), image after image.
        rois: (N, 5); only the batch index is read here.
        y, x: Taps of the P rows and Q columns of bins.
        map_size: (H, W).
        total: Sum of :func:`.roi_geometry.members_per_roi`.

    Returns:
        (N P Q, C); 0 for a bin without taps.
    """
    height, width = map_size
    base = (rois[:, 0].detach().long() * (height * width))[:, None, None]
    windows = make_windows(base, y.spans, x.spans, width, total)
    weights = y.weight.to(table.dtype), x.weight.to(table.dtype)
    return _SeparableSum.apply(table, *weights, windows, window_pool.MAX_MEMBERS)


def separable_spread(grad: Tensor, rois: Tensor, y: Taps, x: Taps, map_size: tuple[int, int], images: int,
                     total: int) -> Tensor:
    """The transpose of :func:`separable_sum`: each pixel's weighted sum of ``grad`` (N P Q, C), (B H W, C).

    Args:
        grad: What each bin of each channel contributes.
        rois, y, x, map_size, total: As in :func:`separable_sum`.
        images: B.
    """
    height, width = map_size
    rows = images * height * width
    base = (rois[:, 0].detach().long() * (height * width))[:, None, None]
    windows = make_windows(base, y.spans, x.spans, width, total)
    wy, wx = y.weight.to(grad.dtype), x.weight.to(grad.dtype)
    summed = None
    for run in cut_into_runs(windows, window_pool.MAX_MEMBERS):
        members = list_members(windows.part(run))
        iy, ix = _places(members, run.windows.start, wy, wx)
        part = spread(grad[run.windows], members, wy.flatten()[iy] * wx.flatten()[ix], rows)
        summed = part if summed is None else summed.add_(part)
    return grad.new_zeros(rows, grad.size(1)) if summed is None else summed
