"""RoIAlign with ``mmcv.ops.RoIAlign``'s semantics: the mean of bilinear samples in each bin.

Paper: "Mask R-CNN", https://arxiv.org/abs/1703.06870, section 3.  It gives mmcv's numbers; it exists next to mmcv's
operator because the mean of samples on a grid is separable, and taken axis by axis it costs a fraction of the time on a
CPU (``mmseg-plugins benchmark operators``).  It reads half and bfloat16 maps, and its RoIs get a gradient.

Shapes: B images, C channels, H x W pixels, N RoIs, P x Q bins, S samples a bin along one axis.  RoIs are (batch index,
x1, y1, x2, y2) in input-image pixels.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from .roi_geometry import SNAP, Spans, check_inputs, largest, members_per_roi, pair, read_sizes
from .separable import Taps, separable_spread, separable_sum
from .window_pool import bins_as_maps, pixel_table


def roi_align(feats: Tensor,
              rois: Tensor,
              output_size: int | tuple[int, int],
              spatial_scale: float,
              sampling_ratio: int = 0,
              aligned: bool = True) -> Tensor:
    """Average S x S bilinear samples in each bin.

    On the map an RoI spans x1 * scale - 0.5 .. x2 * scale - 0.5; without ``aligned`` nothing is subtracted and a side
    is at least 1 long.  Sample s of a bin lies at (s + 0.5) / S of it.  A sample beyond -1 or H is 0, within it is
    moved onto the map.  An RoI from 0 to 32 on a map of stride 16, in 2 bins of one sample each, reads the pixels 0 and
    1 as they are.

    Args:
        feats: (B, C, H, W).
        rois: (N, 5); their corners get the gradient of the samples' positions (mmcv's get none).
        output_size: P x Q.
        spatial_scale: Map pixels per image pixel.
        sampling_ratio: S; 0 takes as many as a bin is long on the map, rounded up, on each axis.
        aligned: False is the convention of Detectron and Caffe2.

    Returns:
        (N, C, P, Q).  Half and bfloat16 maps are interpolated in float32.

    Raises:
        ValueError: For inputs of a wrong shape, a wrong size, scale or ratio.
    """
    check_inputs(feats, rois, spatial_scale, 'roi_align')
    size, map_size = pair(output_size, 'output_size'), (feats.size(2), feats.size(3))
    y, x, total = _both_taps(rois, len(feats), size, map_size, spatial_scale, sampling_ratio, aligned)
    pooled = separable_sum(pixel_table(feats), rois, y, x, map_size, total)
    return bins_as_maps(pooled, len(rois), size, feats)


def roi_align_gradient(grad: Tensor, rois: Tensor, map_shape: tuple[int, int, int, int], spatial_scale: float,
                       sampling_ratio: int, aligned: bool) -> Tensor:
    """Gradient of the maps: the transpose of :func:`roi_align`, without the maps themselves.

    Args:
        grad: (N, C, P, Q), the gradient of the result.
        rois: (N, 5).
        map_shape: (B, C, H, W).
        spatial_scale, sampling_ratio, aligned: As in :func:`roi_align`.

    Returns:
        (B, C, H, W), a view that is channels last in memory; float32 for half and bfloat16.
    """
    images, channels, height, width = map_shape
    y, x, total = _both_taps(rois, images, (grad.size(2), grad.size(3)), (height, width), spatial_scale,
                             sampling_ratio, aligned)
    summed = separable_spread(pixel_table(grad), rois, y, x, (height, width), images, total)
    return summed.view(images, height, width, channels).permute(0, 3, 1, 2)


def _both_taps(rois: Tensor, images: int, size: tuple[int, int], map_size: tuple[int, int], spatial_scale: float,
               sampling_ratio: int, aligned: bool) -> tuple[Taps, Taps, int]:
    """Taps of the rows and of the columns of bins, and the number of pixels under all bins."""
    if sampling_ratio < 0:
        raise ValueError(f'roi_align: sampling_ratio={sampling_ratio!r}, it must be at least 0 (0 adapts to the bin)')
    x1, y1, x2, y2 = (rois[:, 1:].double() * spatial_scale - (0.5 if aligned else 0)).unbind(1)
    least = None if aligned else 1
    y = _Axis.of(y1, y2, size[0], map_size[0], sampling_ratio, least)
    x = _Axis.of(x1, x2, size[1], map_size[1], sampling_ratio, least)
    most_y, most_x, longest_y, longest_x, total = read_sizes(
        rois, images, 'roi_align', largest(y.samples), largest(x.samples), largest(y.spans.length),
        largest(x.spans.length), members_per_roi(y.spans, x.spans).sum())
    return y.taps(map_size[0], most_y, longest_y), x.taps(map_size[1], most_x, longest_x), total


class _Axis(NamedTuple):
    """The samples along one axis: start of each RoI, length of a bin and number of samples in it, (N,) each."""

    start: Tensor
    step: Tensor
    samples: Tensor
    spans: Spans

    @classmethod
    def of(cls, start: Tensor, end: Tensor, bins: int, limit: int, samples: int, least: int | None) -> _Axis:
        """Samples of RoIs from ``start`` to ``end``, (N,) each, at least ``least`` long."""
        step = (end - start if least is None else (end - start).clamp_min(least)) / bins
        if samples:
            count = torch.full_like(step, samples).detach()
        else:
            count = (step.detach() - SNAP).ceil().nan_to_num(0, 0, 0).clamp(0, limit + 2)
        return cls(start, step, count, _spans(start, step, count, bins, limit, samples))

    def taps(self, limit: int, most: int, longest: int) -> Taps:
        """Taps of the mean of a bin's samples, at most ``most`` of them, on at most ``longest`` pixels."""
        first, length = self.spans
        place = torch.arange(max(most, 1), device=first.device)
        position = _positions(self.start, self.step, self.samples, place, first.size(1))  # (N, P, S)
        with torch.no_grad():
            near = (position >= -1 - SNAP) & (position <= limit + SNAP)
            read = near & (place < self.samples[:, None])[:, None]
        position = position.nan_to_num(0, 0, 0).clamp(0, limit - 1)
        low = position.detach().floor().long()
        high = (low + 1).clamp_max(limit - 1)
        share = read / self.samples.clamp_min(1)[:, None, None]
        fraction = position - low
        longest = max(longest, 1)
        weight = position.new_zeros(*length.shape, longest)
        for pixel, part in ((low, 1 - fraction), (high, fraction)):
            weight = weight.scatter_add(2, (pixel - first[:, :, None]).clamp(0, longest - 1), part * share)
        return Taps(self.spans, weight)


def _positions(start: Tensor, step: Tensor, count: Tensor, place: Tensor, bins: int) -> Tensor:
    """Where the samples ``place`` (S,) or (N, S) of each bin lie, (N, P, S)."""
    inside = (place + 0.5) / count.clamp_min(1)[:, None]  # (N, S), in bins
    bin_number = torch.arange(bins, device=start.device)[:, None]
    return start[:, None, None] + (bin_number + inside[:, None]) * step[:, None, None]


@torch.no_grad()
def _spans(start: Tensor, step: Tensor, count: Tensor, bins: int, limit: int, samples: int) -> Spans:
    """Pixels that the samples of each bin read, (N, P).

    Adaptive samples lie at most a pixel apart and ascend, rounded or not, so that the first and the last one tell the
    span; only where a bin is longer than the map may it hold pixels that none reads, and these weigh 0.
    """
    if samples:
        place = torch.arange(samples, device=start.device)
    else:
        place = torch.stack([torch.zeros_like(count), count - 1], 1)
    position = _positions(start, step, count, place, bins)  # (N, P, S)
    if samples:
        read = (position >= -1 - SNAP) & (position <= limit + SNAP)
    else:
        read = (position[..., 1:] >= -1 - SNAP) & (position[..., :1] <= limit + SNAP) & (count > 0)[:, None, None]
    low = position.nan_to_num(0, 0, 0).clamp(0, limit - 1).floor().long()
    first = torch.where(read, low, limit - 1).amin(2)
    last = torch.where(read, (low + 1).clamp_max(limit - 1), -1).amax(2)
    return Spans(first, (last + 1 - first).clamp_min(0))


class RoIAlign(nn.Module):
    """Module of :func:`roi_align`: forward(feats (B, C, H, W), rois (N, 5)) -> (N, C, P, Q).

    Args:
        output_size: P x Q.
        spatial_scale: Map pixels per image pixel.
        sampling_ratio: Samples a bin along one axis, 0: as many as the bin is long.
        aligned: Whether pixel centers lie at half coordinates.
    """

    def __init__(self,
                 output_size: int | tuple[int, int],
                 spatial_scale: float = 1.0,
                 sampling_ratio: int = 0,
                 aligned: bool = True) -> None:
        super().__init__()
        self.output_size = pair(output_size, 'output_size')
        self.spatial_scale = float(spatial_scale)
        self.sampling_ratio = sampling_ratio
        self.aligned = aligned

    def forward(self, feats: Tensor, rois: Tensor) -> Tensor:
        """Pool ``rois`` from ``feats``."""
        return roi_align(feats, rois, self.output_size, self.spatial_scale, self.sampling_ratio, self.aligned)

    def extra_repr(self) -> str:
        return (f'output_size={self.output_size}, spatial_scale={self.spatial_scale}, '
                f'sampling_ratio={self.sampling_ratio}, aligned={self.aligned}')
