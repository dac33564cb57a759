"""Assembling of instance-sensitive score maps: parameter-free copying of sub-windows.

Paper: "Instance-sensitive Fully Convolutional Networks", https://arxiv.org/abs/1603.08678, section 3.1.  No code was
published.

Shapes: B images, k x k relative positions, H x W cells of the map, N windows of m x m cells.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def assemble(maps: Tensor, windows: Tensor, size: int, outside: float = 0.0) -> Tensor:
    """Put each window together from k x k maps, one for each relative position.

    Cell (p, q) of a window is read from map ``(p * k // m) * k + q * k // m`` at the cell's own place: the window is
    cut into k x k parts and each part is a copy of the same part of its own map.  With k = 1 this is a crop.  Where m
    is no multiple of k the parts differ by a cell: m = 21, k = 5 gives 5, 4, 4, 4, 4.

    Differentiable in ``maps``; memory N m^2, so many windows are assembled in chunks by the caller.

    Args:
        maps: (B, k * k, H, W), the position of row i and column j is channel i * k + j.
        windows: (N, 3) integers: image, top row, left column; a window may reach over the border of the map.
        size: m, cells a side.
        outside: Value of cells beyond the border.

    Returns:
        (N, m, m), type of ``maps``.

    Raises:
        ValueError: the number of channels is no square, or m is smaller than k.
    """
    channels, height, width = maps.shape[1:]
    k = math.isqrt(channels)
    if k * k != channels:
        raise ValueError(f'assemble: {channels} score maps are not k * k for any k; give one map a relative position')
    if size < k:
        raise ValueError(f'assemble: windows of {size} x {size} cells cannot be cut into {k} x {k} parts; '
                         f'use windows of at least {k} cells, or fewer positions')
    offsets = torch.arange(size, device=maps.device)
    part = offsets * k // size  # (m,)
    image, top, left = windows.to(maps.device).unbind(1)
    rows, columns = top[:, None] + offsets, left[:, None] + offsets  # (N, m)
    channel = image[:, None, None] * channels + part[:, None] * k + part  # (N, m, m)
    index = (channel * height + rows.clamp(0, height - 1)[:, :, None]) * width
    index = index + columns.clamp(0, width - 1)[:, None, :]
    values = maps.reshape(-1).index_select(0, index.reshape(-1)).reshape(index.shape)
    return values.masked_fill(~windows_inside(windows, size, (height, width)).to(maps.device), outside)


def windows_inside(windows: Tensor, size: int, map_size: tuple[int, int]) -> Tensor:
    """Which cells (N, m, m) of ``windows`` (N, 3) lie on a map of (H, W) cells; see :func:`assemble`."""
    offsets = torch.arange(size, device=windows.device)
    rows, columns = windows[:, 1:2] + offsets, windows[:, 2:3] + offsets
    inside_rows = (rows >= 0) & (rows < map_size[0])
    inside_columns = (columns >= 0) & (columns < map_size[1])
    return inside_rows[:, :, None] & inside_columns[:, None, :]


def window_corners(map_size: tuple[int, int], size: int, device: torch.device | str = 'cpu') -> Tensor:
    """Top row and left column (H * W, 2) of the window around every cell, row by row.

    The cell is the window's middle for odd m, and the first cell after the middle for even m.
    """
    rows = torch.arange(map_size[0], device=device) - size // 2
    columns = torch.arange(map_size[1], device=device) - size // 2
    grid = torch.stack(torch.meshgrid(rows, columns, indexing='ij'), dim=-1)  # (H, W, 2)
    return grid.reshape(-1, 2)
