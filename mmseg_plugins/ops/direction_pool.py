"""Direction pooling: assemble one map a RoI from channels that encode the direction to an object's center.

Paper: "MaskLab: Instance Segmentation by Refining Object Detection with Semantic and Direction Features",
https://arxiv.org/abs/1712.04837, section 3.  No code was published: what the paper leaves open (bin edges, their
origin, the order of the channels) is decided here and stated below.

Shapes: B images, K channels, H x W cells of a map, N RoIs, n_h x n_w points of a crop, D directions, R distance bins.
RoIs are (batch index, x1, y1, x2, y2) in input-image pixels, y grows downwards.

Crop grid, the one of TensorFlow's ``crop_and_resize``: n points an axis, both edges of the box included,
y_i = y1 + i (y2 - y1) / (n - 1), the middle when n = 1; feature coordinate = y * ``spatial_scale`` without a shift of
half a cell, bilinear.  Worked example: box (8, 8, 40, 24), n = 5, scale 1 / 8 -> columns at 1, 2, 3, 4, 5 and rows at
1, 1.5, 2, 2.5, 3 cells.

Bins: the offset from a point TO the center of its box has the angle atan2(cy - y, cx - x) in [0, 2 pi); direction =
floor(angle / (2 pi / D)).  Distance = length of the offset in units of half the width and half the height, divided by
sqrt(2), so that a corner lies at 1; bin = min(R - 1, floor(R * distance)).  Channel = direction * R + bin.  The center
itself has direction 0 and bin 0.  With D = 8 and R = 4, a point at the left edge, half-way down, looks right (direction
0) from distance 1 / sqrt(2) (bin 2): channel 2.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import torch
from torch import Tensor

OUTSIDE = ('zero', 'border')
MAX_POINTS = 1 << 20  # points sampled at a time; bounds the temporary memory at about 100 MB


def direction_channels(rois: Tensor,
                       output_size: tuple[int, int],
                       num_directions: int = 8,
                       num_distances: int = 4) -> Tensor:
    """Channel that each point of each crop reads.

    Evaluated in float64, because points on the border between two bins are common (diagonals of a square box).

    Args:
        rois: (N, 5).
        output_size: n_h, n_w.
        num_directions: D >= 1.
        num_distances: R >= 1; 1 means directions only.

    Returns:
        (N, n_h, n_w), int64, values in 0..D * R - 1.
    """
    if num_directions < 1 or num_distances < 1:
        raise ValueError(f'direction pooling: num_directions={num_directions} and num_distances={num_distances} '
                         'must both be at least 1')
    boxes = rois.detach()[:, 1:].double()
    dy, dx = (_offsets(n, boxes.device) for n in output_size)  # (n_h, ), (n_w, ), in [-1, 1]
    half_width, half_height = (boxes[:, 2] - boxes[:, 0]) / 2, (boxes[:, 3] - boxes[:, 1]) / 2
    # + 0.0: a box without extent has no -0, whose angle would be pi.
    off_y = (dy * half_height[:, None] + 0.0)[:, :, None]  # (N, n_h, 1)
    off_x = (dx * half_width[:, None] + 0.0)[:, None, :]  # (N, 1, n_w)
    angle = torch.atan2(*torch.broadcast_tensors(off_y, off_x))  # (N, n_h, n_w) in [-pi, pi]
    angle = torch.where(angle < 0, angle + 2 * math.pi, angle)
    direction = (angle / (2 * math.pi / num_directions)).floor().long().clamp_(max=num_directions - 1)
    distance_bin = torch.tensor(_distance_bins(*output_size, num_distances))  # (n_h, n_w)
    distance_bin = distance_bin.to(boxes.device, non_blocking=True)
    return direction * num_distances + distance_bin


def direction_pool(maps: Tensor,
                   rois: Tensor,
                   output_size: int | tuple[int, int],
                   spatial_scale: float,
                   num_directions: int = 8,
                   num_distances: int = 4,
                   outside: str = 'zero') -> Tensor:
    """Assemble one map a RoI from direction maps: every point reads the channel of its own direction and distance.

    Only the channel that is read is sampled, so neither time nor memory grows with D * R.

    Args:
        maps: Direction logits, (B, D * R, H, W), any floating type; low precision is interpolated in float32.
        rois: (N, 5); N = 0 gives an empty result that is still connected to ``maps``.
        output_size: n, or (n_h, n_w).
        spatial_scale: 1 / stride of ``maps``.
        num_directions: D.
        num_distances: R.
        outside: What lies beyond the last cells: ``'zero'``, or ``'border'`` to repeat them.

    Returns:
        (N, 1, n_h, n_w), differentiable in ``maps`` and, where no bin edge is crossed, in ``rois``.

    Raises:
        ValueError: wrong number of channels, bad numbers, unknown ``outside``.
    """
    wanted = num_directions * num_distances
    if maps.size(1) != wanted:
        raise ValueError(f'direction pooling: {num_directions} directions x {num_distances} distance bins need maps of '
                         f'{wanted} channels, but these have {maps.size(1)}; set both to match')
    size = _pair(output_size)
    return _in_chunks(
        maps, rois, size, spatial_scale, outside,
        lambda part, _: direction_channels(part, size, num_directions, num_distances))


def crop_channel(maps: Tensor,
                 rois: Tensor,
                 channels: Tensor,
                 output_size: int | tuple[int, int],
                 spatial_scale: float,
                 outside: str = 'zero') -> Tensor:
    """Crop one channel a RoI, that of its class, on the same grid as ``direction_pool``.

    Equal to cropping all K channels and picking one, at 1 / K of the work.

    Args:
        maps: (B, K, H, W).
        rois: (N, 5).
        channels: (N, ), int64, values in 0..K - 1.
        output_size: n, or (n_h, n_w).
        spatial_scale: 1 / stride of ``maps``.
        outside: As for ``direction_pool``.

    Returns:
        (N, 1, n_h, n_w).

    Raises:
        ValueError: ``channels`` has not one entry a RoI; unknown ``outside``.
        IndexError: a channel that ``maps`` does not have (CPU; undefined on CUDA, as for any index there).
    """
    if channels.shape != rois.shape[:1]:
        raise ValueError(f'crop_channel: one channel a RoI is needed, but there are {tuple(channels.shape)} channels '
                         f'for {rois.size(0)} RoIs')
    if maps.device.type == 'cpu' and channels.numel() and not 0 <= int(channels.min()) <= int(
            channels.max()) < maps.size(1):
        raise IndexError(f'crop_channel: channels {int(channels.min())}..{int(channels.max())} were asked for, but the '
                         f'maps have {maps.size(1)} (0..{maps.size(1) - 1})')
    return _in_chunks(maps, rois, _pair(output_size), spatial_scale, outside,
                      lambda _, part: channels[part][:, None, None])


def grid_axis(low: Tensor, high: Tensor, num: int) -> Tensor:
    """``num`` points from ``low`` to ``high``, both included; the middle when ``num`` is 1.  (N, ) x 2 -> (N, num)."""
    if num == 1:
        return ((low + high) / 2)[:, None]
    steps = torch.arange(num, device=low.device, dtype=low.dtype) / (num - 1)
    return torch.lerp(low[:, None], high[:, None], steps)  # both ends exact: an edge on the last cell is inside


def sample_channels(maps: Tensor, batch: Tensor, channels: Tensor, ys: Tensor, xs: Tensor, outside: str) -> Tensor:
    """Bilinear samples of ``maps[batch[n], channels[n, i, j]]`` at (``ys[n, i]``, ``xs[n, j]``) in cells.

    Args:
        maps: (B, K, H, W).
        batch: (N, ), int64.
        channels: Broadcastable to (N, n_h, n_w), int64.
        ys: (N, n_h).
        xs: (N, n_w).
        outside: ``'zero'`` or ``'border'``.

    Returns:
        (N, n_h, n_w), float64 for float64 maps, float32 for all others.
    """
    height, width = maps.shape[-2:]
    (top, bottom, part_y), (left, right, part_x) = _neighbors(ys, height), _neighbors(xs, width)
    plane = ((batch[:, None, None] * maps.size(1) + channels) * height).expand(-1, ys.size(1), xs.size(1))
    flat = maps.reshape(-1)
    dtype = torch.float64 if maps.dtype == torch.float64 else torch.float32

    def at(row: Tensor, column: Tensor) -> Tensor:
        index = (plane + row[:, :, None]) * width + column[:, None, :]
        return flat.index_select(0, index.flatten()).to(dtype).reshape(index.shape)

    part_y, part_x = part_y[:, :, None].to(dtype), part_x[:, None, :].to(dtype)
    upper = at(top, left) * (1 - part_x) + at(top, right) * part_x
    lower = at(bottom, left) * (1 - part_x) + at(bottom, right) * part_x
    values = upper * (1 - part_y) + lower * part_y
    if outside == 'border':
        return values
    inside = _inside(ys, height)[:, :, None] & _inside(xs, width)[:, None, :]
    return torch.where(inside, values, torch.zeros_like(values))


def _in_chunks(maps: Tensor, rois: Tensor, size: tuple[int, int], spatial_scale: float, outside: str,
               channels_of: Callable[[Tensor, slice], Tensor]) -> Tensor:
    """Sample the crop grid of every RoI, ``MAX_POINTS`` points at a time; (N, 1, n_h, n_w) in the type of ``maps``."""
    if outside not in OUTSIDE:
        raise ValueError(f'outside={outside!r}, it must be one of {OUTSIDE}')
    step = max(1, MAX_POINTS // (size[0] * size[1]))
    parts = []
    for start in range(0, max(rois.size(0), 1), step):
        part = slice(start, start + step)
        chunk = rois[part].double()  # positions in float64: float32 leaves 1e-5 cells of noise on a large map
        xs, ys = (grid_axis(chunk[:, 1 + i] * spatial_scale, chunk[:, 3 + i] * spatial_scale, size[1 - i])
                  for i in range(2))
        parts.append(sample_channels(maps, chunk[:, 0].long(), channels_of(chunk, part), ys, xs, outside))
    return (parts[0] if len(parts) == 1 else torch.cat(parts))[:, None].to(maps.dtype)


@functools.cache
def _distance_bins(rows: int, columns: int, bins: int) -> list[list[int]]:
    """Bin of each grid point by its distance to the middle, the corners at 1; the same for every box.

    In Python, whose roots are rounded correctly: bins meet on the diagonals, and torch's root of 0.5 in float64 is one
    unit too small on some processors.
    """
    down, right = (_offsets(n, torch.device('cpu')).tolist() for n in (rows, columns))
    return [[min(bins - 1, int(bins * (math.sqrt(y * y + x * x) / math.sqrt(2)))) for x in right] for y in down]


def _offsets(num: int, device: torch.device) -> Tensor:
    """Offsets of the grid points to the middle in units of half the extent, first to last: 1 .. -1, exact in the
    middle and antisymmetric; 0 for a single point."""
    if num == 1:
        return torch.zeros(1, dtype=torch.float64, device=device)
    steps = torch.arange(num, dtype=torch.float64, device=device)
    return ((num - 1) / 2 - steps) / ((num - 1) / 2)


def _neighbors(at: Tensor, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Cells before and after each coordinate, and how far it lies towards the second; clamped to the map."""
    clamped = at.clamp(0, size - 1)
    first = clamped.detach().floor().clamp_(max=max(size - 2, 0))
    low = first.long()
    return low, (low + 1).clamp_(max=size - 1), clamped - first


def _inside(at: Tensor, size: int) -> Tensor:
    return (at >= 0) & (at <= size - 1)


def _pair(size: int | tuple[int, int]) -> tuple[int, int]:
    height, width = (size, size) if isinstance(size, int) else size
    if height < 1 or width < 1:
        raise ValueError(f'output_size={size}: a crop has at least one point an axis')
    return height, width
