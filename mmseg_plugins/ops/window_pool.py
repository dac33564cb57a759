"""Sums over windows of different sizes of a map, without a loop over windows and in bounded memory.

A map is kept as a *table* of pixels: one row a pixel, its channels side by side.  A window is a rectangle of rows, and
pooling is a (weighted) sum of a few rows: ``embedding_bag`` does that, reading whole rows, on CPU and CUDA.  The work
grows with the number of pixels under the windows, as it does in a hand-written kernel.

Shapes: T rows of C values in the table; N RoIs with P x Q windows each, M = N P Q windows in all; K pixels under them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from .roi_geometry import Spans

MAX_MEMBERS = 1 << 21  # pixels listed at a time; an entry takes about 60 bytes while it is listed
MAX_NUMBERS = 1 << 24  # numbers made at a time besides the result


class Windows(NamedTuple):
    """M rectangles of a table, in the order of the output's rows.

    Attributes:
        corner: Table row of the top left pixel, (M,).
        rows, cols: Height and width in pixels, (M,) each; a window with a zero is empty.
        pitch: Table rows from a pixel to the one below it.
        total: Pixels under all of them together, which the host knows: see :func:`.roi_geometry.read_sizes`.
    """

    corner: Tensor
    rows: Tensor
    cols: Tensor
    pitch: int
    total: int

    def part(self, run: Run) -> Windows:
        """The windows of ``run``."""
        if run.windows == slice(0, len(self.corner)):
            return self
        return Windows(self.corner[run.windows], self.rows[run.windows], self.cols[run.windows], self.pitch, run.total)


class Run(NamedTuple):
    """Windows that are pooled together, and the number of pixels under them."""

    windows: slice
    total: int


class Members(NamedTuple):
    """The pixels under some windows, window after window, row-major in each.

    Attributes:
        row: Table row of each, (K,).
        window: Number of its window, (K,).
        dy, dx: Its place in the window, (K,) each.
        start: Where each window's pixels begin in this list, (M,).
    """

    row: Tensor
    window: Tensor
    dy: Tensor
    dx: Tensor
    start: Tensor


class _Transpose(torch.autograd.Function):
    """(B, D, R) -> (B R, D), and back for the gradient."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, dtype: torch.dtype) -> Tensor:
        ctx.like = maps.shape, maps.dtype
        batch, channels, rows = maps.shape
        table = maps.new_empty(batch, rows, channels, dtype=dtype)
        _copy_transposed(table, maps)
        return table.flatten(0, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        shape, dtype = ctx.like
        maps = grad.new_empty(shape, dtype=dtype)
        _copy_transposed(maps, grad.view(shape[0], shape[2], shape[1]))
        return maps, None


def _copy_transposed(out: Tensor, source: Tensor) -> None:
    """Write ``source`` (B, X, Y) to ``out`` (B, Y, X).

    PyTorch transposes one matrix in blocks, on one thread; several threads do better with its general copy."""
    if out.device.type != 'cpu' or torch.get_num_threads() > 1:
        out.copy_(source.transpose(1, 2))
        return
    for image, matrix in zip(out, source, strict=True):
        image.copy_(matrix.t())


def pixel_table(feats: Tensor, cells: int = 1) -> Tensor:
    """Lay maps (B, D cells, H, W) out as (B cells H W, D): the channels that a window reads together, side by side.

    Channel d * cells + g belongs to cell g.  One pass over the maps, none over channels-last maps of one cell; after
    it each pixel of a window is one run of memory instead of D reads far apart.  Half and bfloat16 become float32.
    """
    dtype = torch.float32 if feats.dtype in (torch.float16, torch.bfloat16) else feats.dtype
    batch, channels, height, width = feats.shape
    if cells == 1 and feats.is_contiguous(memory_format=torch.channels_last):
        return feats.to(dtype).permute(0, 2, 3, 1).reshape(-1, channels)
    maps = feats.reshape(batch, channels // cells, cells * height * width)  # cell and pixel together: (B, D, R)
    return _Transpose.apply(maps, dtype)


def bins_as_maps(pooled: Tensor, count: int, size: tuple[int, int], like: Tensor) -> Tensor:
    """(N P Q, D) -> (N, D, P, Q) in the type of ``like``; a view, channels last in memory."""
    return pooled.reshape(count, *size, pooled.size(1)).permute(0, 3, 1, 2).to(like.dtype)


def make_windows(base: Tensor, y: Spans, x: Spans, pitch: int, total: int) -> Windows:
    """All P x Q windows of each RoI.

    Args:
        base: Table row of the pixel (0, 0) of the map that each window reads; broadcastable to (N, P, Q).
        y, x: Pixel runs along the two axes, (N, P) and (N, Q).
        pitch: Width of the map.
        total: Sum of :func:`.roi_geometry.members_per_roi`.
    """
    corner = base + y.first[:, :, None] * pitch + x.first[:, None, :]
    shape = corner.shape
    rows, cols = y.length[:, :, None].expand(shape), x.length[:, None, :].expand(shape)
    return Windows(corner.flatten(), rows.flatten(), cols.flatten(), pitch, total)


def cut_into_runs(windows: Windows, limit: int, most: int | None = None) -> list[Run]:
    """Cut the windows into runs of about ``limit`` pixels (a window is never cut) and at most ``most`` windows.

    A single run, the usual case, is known without asking the device; else the host waits once for all cuts.
    """
    count = len(windows.corner)
    most = count if most is None else most
    if not count:
        return []
    if windows.total <= limit and count <= most:
        return [Run(slice(0, count), windows.total)]
    ends = F.pad((windows.rows * windows.cols).cumsum(0), (1, 0))
    cuts = []
    for first in range(0, count, most):
        last = min(first + most, count)
        marks = ends[first] + torch.arange(limit, max(windows.total, limit), limit, device=ends.device)
        within = torch.searchsorted(ends[first + 1:last + 1], marks, right=True) + first
        cuts.append(F.pad(within, (0, 1), value=last))
    bounds = torch.cat(cuts)
    runs, begin, done = [], 0, 0
    for end, total in torch.stack([bounds, ends[bounds]], 1).tolist():
        if end > begin:
            runs.append(Run(slice(begin, end), total - done))
            begin, done = end, total
    return runs


def most_windows(table: Tensor) -> int:
    """How many windows of all the table's channels make :data:`MAX_NUMBERS` numbers; at least 1."""
    return max(MAX_NUMBERS // max(table.size(1), 1), 1)


def list_members(windows: Windows) -> Members:
    """List every pixel under ``windows``."""
    count = windows.rows * windows.cols
    start = count.cumsum(0) - count
    window = torch.repeat_interleave(count, output_size=windows.total)
    place = torch.arange(windows.total, device=window.device) - start[window]
    width = windows.cols[window]
    dy = torch.div(place, width, rounding_mode='trunc')
    dx = place - dy * width
    return Members(windows.corner[window] + dy * windows.pitch + dx, window, dy, dx, start)


def gather_runs(pool: Callable[[Run], Tensor], runs: list[Run], table: Tensor, windows: int) -> Tensor:
    """``pool`` of every run, in one tensor (M, C); a single run is not copied."""
    if len(runs) == 1:
        return pool(runs[0])
    out = table.new_empty(windows, table.size(1))
    for run in runs:
        out[run.windows] = pool(run)
    return out


def spread(grad: Tensor, members: Members, weight: Tensor, rows: int) -> Tensor:
    """The transpose of pooling: each table row's weighted sum of ``grad`` (M, C) over the windows it lies under.

    Sorted by row, so that it is a gather again: no atomic additions, the same result on every run.
    """
    row, order = members.row.sort(stable=True)
    if row.device.type == 'cpu':
        count = torch.bincount(row, minlength=rows)
        start = count.cumsum(0) - count
    else:  # the same; other devices make the host wait for the size of a bincount
        start = torch.searchsorted(row, torch.arange(rows, device=row.device))
    return F.embedding_bag(members.window[order], grad, start, mode='sum', per_sample_weights=weight[order])


class _WindowMean(torch.autograd.Function):
    """Mean of the table's rows under each window; 0 for an empty one.  The pixels are listed anew in the backward
    pass: a list of them is larger than the windows it comes from."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, windows: Windows, limit: int) -> Tensor:
        ctx.windows, ctx.rows, ctx.runs = windows, table.size(0), cut_into_runs(windows, limit)

        def mean(run: Run) -> Tensor:
            members = list_members(windows.part(run))
            return F.embedding_bag(members.row, table, members.start, mode='mean')

        return gather_runs(mean, ctx.runs, table, len(windows.corner))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        total = None
        for run in ctx.runs:
            windows = ctx.windows.part(run)
            members = list_members(windows)
            share = 1 / (windows.rows * windows.cols).to(grad.dtype)
            part = spread(grad[run.windows].contiguous(), members, share[members.window], ctx.rows)
            total = part if total is None else total.add_(part)
        return grad.new_zeros(ctx.rows, grad.size(1)) if total is None else total, None, None


def window_mean(table: Tensor, windows: Windows) -> Tensor:
    """Average the table's rows (T, C) under each window -> (M, C); 0 for an empty window.

    The gradient of a window goes in equal parts to its pixels.
    """
    return _WindowMean.apply(table, windows, MAX_MEMBERS)


class _WindowMax(torch.autograd.Function):
    """Maximum of the table's rows under each window.  Where it lay is found anew in the backward pass: kept, it would
    take twice the memory of the result."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, windows: Windows, limit: int) -> Tensor:
        ctx.windows, ctx.runs = windows, cut_into_runs(windows, limit, most_windows(table))
        ctx.save_for_backward(table)
        out = table.new_empty(len(windows.corner), table.size(1))
        for run in ctx.runs:
            out[run.windows] = _maxima(table, list_members(windows.part(run)))[0]
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        table, = ctx.saved_tensors
        total = torch.zeros_like(table)
        for run in ctx.runs:
            windows = ctx.windows.part(run)
            rows = _maxima(table, list_members(windows))[1].clamp_min(0)
            filled = (windows.rows * windows.cols > 0)[:, None]
            total.scatter_add_(0, rows, grad[run.windows] * filled)
        return total, None, None


def _maxima(table: Tensor, members: Members) -> tuple[Tensor, Tensor]:
    """The maximum under each window and the table row it lies in, (M, C) each; 0 and any row for an empty window."""
    value, _, _, row = torch.embedding_bag(table, members.row, members.start, False, 2)
    return value, row


def window_max(table: Tensor, windows: Windows) -> Tensor:
    """Maximum of the table's rows (T, C) under each window, channel by channel -> (M, C); 0 for an empty window.

    The gradient of a window goes to the first maximum in reading order.
    """
    return _WindowMax.apply(table, windows, MAX_MEMBERS)


def window_max_rows(table: Tensor, windows: Windows) -> tuple[Tensor, Tensor]:
    """:func:`window_max` without a gradient, and the table row of each maximum; (M, C) each, any row for an empty
    window."""
    value = table.new_empty(len(windows.corner), table.size(1))
    row = torch.empty_like(value, dtype=torch.long)
    for run in cut_into_runs(windows, MAX_MEMBERS, most_windows(table)):
        value[run.windows], row[run.windows] = _maxima(table, list_members(windows.part(run)))
    return value, row
