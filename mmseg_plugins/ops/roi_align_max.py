"""RoIAlign that keeps the largest sample of each bin: ``mmcv.ops.RoIAlign(pool_mode='max')``.

Positions are computed as ``csrc/pytorch/cpu/roi_align.cpp`` (mmcv 2.1.0) computes them, in the precision of the map and
in the same order of rounding, because the largest of several samples jumps from one to the next.  Samples are listed
for a few RoIs at a time, so that memory stays bounded.

Shapes: B images, C channels, H x W pixels, N RoIs, P x Q bins, S x S samples a bin.  RoIs are (batch index, x1, y1, x2,
y2) in input-image pixels.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from . import window_pool
from .roi_geometry import check_inputs, largest, pair, read_sizes
from .window_pool import pixel_table

LEAST = -10000.0  # where mmcv's search for the maximum begins; a bin without a larger sample keeps it
NOWHERE = -1.0  # position of the maximum of such a bin


class _Axis(NamedTuple):
    """Samples of every RoI along one axis.

    Attributes:
        position: (N, P, S) in map pixels, before it is moved onto the map.
        counted: Whether a sample exists, (N, S); RoIs of different sizes have different numbers of them.
    """

    position: Tensor
    counted: Tensor


def roi_align_max(feats: Tensor,
                  rois: Tensor,
                  output_size: int | tuple[int, int],
                  spatial_scale: float,
                  sampling_ratio: int = 0,
                  aligned: bool = True) -> Tensor:
    """Keep the largest of S x S bilinear samples in each bin; samples lie where ``roi_align`` takes them.

    Args:
        feats: (B, C, H, W).
        rois: (N, 5).  They get no gradient.
        output_size: P x Q.
        spatial_scale: Map pixels per image pixel.
        sampling_ratio: S; 0 takes as many as a bin is long on the map, rounded up, on each axis.
        aligned: False is the convention of Detectron and Caffe2.

    Returns:
        (N, C, P, Q); -10000 in a bin without samples, as mmcv has it.  The gradient goes to the pixels of the first
        largest sample in reading order.

    Raises:
        ValueError: For inputs of a wrong shape, a wrong size, scale or ratio.
    """
    with torch.no_grad():
        y, x = largest_samples(feats, rois, output_size, spatial_scale, sampling_ratio, aligned)
    place, weight = corners(y, x, rois, feats.shape)
    value = (_single(feats).flatten()[place] * weight).sum(0)
    return torch.where(y == NOWHERE, LEAST, value).to(feats.dtype)


def largest_samples(feats: Tensor, rois: Tensor, output_size: int | tuple[int, int], spatial_scale: float,
                    sampling_ratio: int, aligned: bool) -> tuple[Tensor, Tensor]:
    """Position y and x of the largest sample of each bin and channel, (N, C, P, Q) each; -1 where there is none."""
    check_inputs(feats, rois, spatial_scale, 'roi_align_max')
    if sampling_ratio < 0:
        raise ValueError(f'roi_align_max: sampling_ratio={sampling_ratio!r}, it must be at least 0 (0 adapts to the '
                         'bin)')
    size, feats = pair(output_size, 'output_size'), _single(feats)
    x1, y1, x2, y2 = (rois[:, 1:].to(feats.dtype) * spatial_scale - (0.5 if aligned else 0)).unbind(1)
    rows = _Steps.of(y1, y2, size[0], feats.size(2), sampling_ratio, aligned)
    cols = _Steps.of(x1, x2, size[1], feats.size(3), sampling_ratio, aligned)
    most_y, most_x = read_sizes(rois, len(feats), 'roi_align_max', largest(rows.number), largest(cols.number))
    y, x = rows.samples(size[0], most_y), cols.samples(size[1], most_x)
    table = pixel_table(feats)
    shape = (len(rois), feats.size(1), *size)
    out_y, out_x = feats.new_full(shape, NOWHERE), feats.new_full(shape, NOWHERE)
    samples = y.position[0].numel() * x.position[0].numel() * feats.size(1) if len(rois) else 0
    for run in torch.arange(len(rois), device=rois.device).split(max(window_pool.MAX_NUMBERS // max(samples, 1), 1)):
        part_y, part_x = _Axis(*(one[run] for one in y)), _Axis(*(one[run] for one in x))
        out_y[run], out_x[run] = _search(table, rois[run, 0], part_y, part_x, feats.shape)
    return out_y, out_x


def corners(y: Tensor, x: Tensor, rois: Tensor, map_shape: torch.Size) -> tuple[Tensor, Tensor]:
    """The four pixels around positions (N, C, P, Q) on maps of ``map_shape`` (B, C, H, W), and their shares.

    Returns:
        Place of each pixel in the flattened maps, (4, N, C, P, Q), int64, and its weight; all 0 where ``y`` is -1.
    """
    _, channels, height, width = map_shape
    inside = (y != NOWHERE) & _near(y, height) & _near(x, width)
    y_low, y_high, y_part = _neighbors(y, height)
    x_low, x_high, x_part = _neighbors(x, width)
    layer = rois[:, 0].long()[:, None] * channels + torch.arange(channels, device=rois.device)
    base = layer[:, :, None, None] * (height * width)
    place = torch.stack([base + row * width + col for row in (y_low, y_high) for col in (x_low, x_high)])
    weight = torch.stack([row * col for row in (1 - y_part, y_part) for col in (1 - x_part, x_part)])
    return place, weight * inside


def _single(feats: Tensor) -> Tensor:
    """``feats``, half and bfloat16 in float32."""
    return feats.float() if feats.dtype in (torch.float16, torch.bfloat16) else feats


class _Steps(NamedTuple):
    """Start of each RoI, length of its bins and number of samples in one, (N,) each."""

    start: Tensor
    step: Tensor
    number: Tensor

    @classmethod
    def of(cls, start: Tensor, end: Tensor, bins: int, limit: int, ratio: int, aligned: bool) -> _Steps:
        """Bins of RoIs from ``start`` to ``end`` (N,) on a map ``limit`` pixels long."""
        step = (end - start if aligned else (end - start).clamp_min(1)) / bins
        count = torch.full_like(step, ratio) if ratio else step.ceil().nan_to_num(0, 0, 0).clamp(0, limit + 2)
        return cls(start, step, count)

    def samples(self, bins: int, most: int) -> _Axis:
        """At most ``most`` samples in each bin."""
        place = torch.arange(max(most, 1), device=self.start.device)
        inside = (place + 0.5) * self.step[:, None] / self.number.clamp_min(1)[:, None]  # (N, S)
        first = self.start[:, None] + torch.arange(bins, device=place.device) * self.step[:, None]  # (N, P)
        return _Axis(first[:, :, None] + inside[:, None], place < self.number[:, None])


def _near(position: Tensor, limit: int) -> Tensor:
    """Whether a sample is read at all; false for NaN."""
    return (position >= -1) & (position <= limit)


def _neighbors(position: Tensor, limit: int) -> tuple[Tensor, Tensor, Tensor]:
    """Pixels below and above a position, int64, and the share of the one above."""
    position = position.nan_to_num(0, 0, 0).clamp(0, limit - 1)
    low = position.floor().long()
    return low, (low + 1).clamp_max(limit - 1), position - low


def _search(table: Tensor, image: Tensor, y: _Axis, x: _Axis, map_shape: torch.Size) -> tuple[Tensor, Tensor]:
    """Positions of the largest samples of n RoIs: (n, C, P, Q) each."""
    height, width = map_shape[2:]
    y_low, y_high, y_part = (one[:, :, None, :, None] for one in _neighbors(y.position, height))  # (n, P, 1, Sy, 1)
    x_low, x_high, x_part = (one[:, None, :, None, :] for one in _neighbors(x.position, width))  # (n, 1, Q, 1, Sx)
    read = _near(y.position, height)[:, :, None, :, None] & _near(x.position, width)[:, None, :, None, :]
    base = (image.long() * (height * width))[:, None, None, None, None]
    value: Tensor | float = 0.0
    for row, row_part in ((y_low, 1 - y_part), (y_high, y_part)):
        for col, col_part in ((x_low, 1 - x_part), (x_high, x_part)):
            value = value + table[base + row * width + col] * (row_part * col_part * read)[..., None]
    assert isinstance(value, Tensor)  # (n, P, Q, Sy, Sx, C)
    counted = y.counted[:, None, None, :, None] & x.counted[:, None, None, None, :]
    value = torch.where(counted[..., None] & (value > LEAST), value, -torch.inf)
    value, place = value.flatten(3, 4).max(3)  # (n, P, Q, C)
    down, right = place // x.position.size(2), place % x.position.size(2)
    found = value > LEAST
    at_y = y.position[:, :, None, :].expand(-1, -1, place.size(2), -1).gather(3, down)
    at_x = x.position[:, None].expand(-1, place.size(1), -1, -1).gather(3, right)
    return tuple(torch.where(found, one, NOWHERE).permute(0, 3, 1, 2) for one in (at_y, at_x))  # type: ignore[return-value]
