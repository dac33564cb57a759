"""RoIAlign that keeps the largest sample of each bin: ``mmcv.ops.RoIAlign(pool_mode='max')``.

Positions are computed as ``csrc/pytorch/cpu/roi_align.cpp`` (mmcv 2.1.0) computes them, in the precision of the map and
in the same order of rounding, because the largest of several samples jumps from one to the next.  Samples are listed
for a few RoIs at a time, so that memory stays bounded.

Shapes: B images, C channels, H x W pixels, N RoIs, P x Q bins, S x S samples a bin.  RoIs are (batch index, x1, y1, x2,
y2) in input-image pixels.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

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
    return _RoIAlignMax.apply(feats, rois, output_size, spatial_scale, sampling_ratio, aligned)


class _RoIAlignMax(torch.autograd.Function):

    @staticmethod
    def forward(ctx: Any, feats: Tensor, rois: Tensor, *settings: Any) -> Tensor:
        value, y, x = largest_samples(feats, rois, *settings)
        ctx.save_for_backward(y, x, rois)
        ctx.like = feats.shape, feats.dtype
        return value.to(feats.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        shape, dtype = ctx.like
        total = grad.new_zeros(shape)
        add_gradient(total, grad, *ctx.saved_tensors)
        return total.to(dtype), None, None, None, None, None


def largest_samples(feats: Tensor, rois: Tensor, output_size: int | tuple[int, int], spatial_scale: float,
                    sampling_ratio: int, aligned: bool) -> tuple[Tensor, Tensor, Tensor]:
    """The largest sample of each bin and channel, and its position y and x, (N, C, P, Q) each.

    -10000 and -1 where there is none; float32 for half and bfloat16 maps.
    """
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
    out = feats.new_empty(3, *shape)
    samples = y.position[0].numel() * x.position[0].numel() * feats.size(1) if len(rois) else 0
    for run in torch.arange(len(rois), device=rois.device).split(max(window_pool.MAX_NUMBERS // max(samples, 1), 1)):
        part_y, part_x = _Axis(*(one[run] for one in y)), _Axis(*(one[run] for one in x))
        if not len(run):
            break
        for whole, part in zip(out, _search(table, rois[run, 0], part_y, part_x, feats.shape), strict=True):
            whole[run] = part
    value, at_y, at_x = out
    return value, at_y, at_x


def add_gradient(total: Tensor, grad: Tensor, y: Tensor, x: Tensor, rois: Tensor) -> None:
    """Add ``grad`` (N, C, P, Q) to the four pixels around each position, in the gradient of the maps (B, C, H, W)."""
    _, channels, height, width = total.shape
    inside = (y != NOWHERE) & _near(y, height) & _near(x, width)
    y_low, y_high, y_part = _neighbors(y, height)
    x_low, x_high, x_part = _neighbors(x, width)
    layer = rois[:, 0].long()[:, None] * channels + torch.arange(channels, device=rois.device)
    base = layer[:, :, None, None] * (height * width)
    grad = (grad * inside).to(total.dtype)
    for row, row_part in ((y_low, 1 - y_part), (y_high, y_part)):
        for col, col_part in ((x_low, 1 - x_part), (x_high, x_part)):
            share = (grad * (row_part * col_part).to(total.dtype)).flatten()
            total.view(-1).scatter_add_(0, (base + row * width + col).flatten(), share)


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


def _search(table: Tensor, image: Tensor, y: _Axis, x: _Axis, map_shape: torch.Size) -> tuple[Tensor, ...]:
    """Largest samples of n RoIs and their positions y and x: (n, C, P, Q) each."""
    height, width = map_shape[2:]
    y_low, y_high, y_part = (one[:, :, None, :, None] for one in _neighbors(y.position, height))  # (n, P, 1, Sy, 1)
    x_low, x_high, x_part = (one[:, None, :, None, :] for one in _neighbors(x.position, width))  # (n, 1, Q, 1, Sx)
    read = _near(y.position, height)[:, :, None, :, None] & _near(x.position, width)[:, None, :, None, :]
    base = (image.long() * (height * width))[:, None, None, None, None]
    rows = torch.stack([base + row * width + col for row in (y_low, y_high) for col in (x_low, x_high)], 5)
    shares = torch.stack([row * col * read for row in (1 - y_part, y_part) for col in (1 - x_part, x_part)], 5)
    value = F.embedding_bag(rows.view(-1, 4), table, mode='sum', per_sample_weights=shares.view(-1, 4))
    value = value.view(*rows.shape[:5], -1)  # (n, P, Q, Sy, Sx, C)
    counted = y.counted[:, None, None, :, None] & x.counted[:, None, None, None, :]
    value.masked_fill_(~counted[..., None], -torch.inf).nan_to_num_(-torch.inf, torch.inf, -torch.inf)
    value, place = value.flatten(3, 4).max(3)  # (n, P, Q, C)
    down, right = place // x.position.size(2), place % x.position.size(2)
    found = value > LEAST
    at_y = y.position[:, :, None, :].expand(-1, -1, place.size(2), -1).gather(3, down)
    at_x = x.position[:, None].expand(-1, place.size(1), -1, -1).gather(3, right)
    absent = ((value, LEAST), (at_y, NOWHERE), (at_x, NOWHERE))
    return tuple(torch.where(found, one, nothing).permute(0, 3, 1, 2) for one, nothing in absent)
