"""RoIAlign with ``mmcv.ops.RoIAlign``'s semantics: the mean of bilinear samples in each bin.

Paper: "Mask R-CNN", https://arxiv.org/abs/1703.06870, section 3.  It gives mmcv's numbers; it exists beside mmcv's
operator because the mean of samples on a grid is separable, and taken axis by axis it costs a fraction of the time on a
CPU (``tools/analysis_tools/benchmark_ops.py``).  It reads half and bfloat16 maps, and its RoIs get a gradient.

Shapes: B images, C channels, H x W pixels, N RoIs, P x Q bins, S samples a bin along one axis.  RoIs are (batch index,
x1, y1, x2, y2) in input-image pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .roi_geometry import SNAP, Spans, check_inputs, pair
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
    y, x = _both_taps(rois, size, map_size, spatial_scale, sampling_ratio, aligned)
    pooled = separable_sum(pixel_table(feats), rois, y, x, map_size)
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
    images, channels, *map_size = map_shape
    y, x = _both_taps(rois, (grad.size(2), grad.size(3)), (map_size[0], map_size[1]), spatial_scale, sampling_ratio,
                      aligned)
    total = separable_spread(pixel_table(grad), rois, y, x, (map_size[0], map_size[1]), images)
    return total.view(images, *map_size, channels).permute(0, 3, 1, 2)


def _both_taps(rois: Tensor, size: tuple[int, int], map_size: tuple[int, int], spatial_scale: float,
               sampling_ratio: int, aligned: bool) -> tuple[Taps, Taps]:
    """Taps of the rows and of the columns of bins."""
    if sampling_ratio < 0:
        raise ValueError(f'roi_align: sampling_ratio={sampling_ratio!r}, it must be at least 0 (0 adapts to the bin)')
    x1, y1, x2, y2 = (rois[:, 1:].double() * spatial_scale - (0.5 if aligned else 0)).unbind(1)
    least = None if aligned else 1
    return (_taps(y1, y2, size[0], map_size[0], sampling_ratio, least),
            _taps(x1, x2, size[1], map_size[1], sampling_ratio, least))


def _taps(start: Tensor, end: Tensor, bins: int, limit: int, samples: int, least: int | None) -> Taps:
    """Taps of the mean of a bin's samples; (N,) -> taps of (N, P)."""
    size = end - start if least is None else (end - start).clamp_min(least)
    step = size / bins
    if samples:
        count = torch.full_like(step, samples).detach()
    else:
        count = (step.detach() - SNAP).ceil().nan_to_num(0, 0, 0).clamp(0, limit + 2)
    most = samples or max(int(count.max()) if len(count) else 0, 1)
    place = torch.arange(most, device=start.device)
    inside = (place + 0.5) / count.clamp_min(1)[:, None]  # (N, S), in bins
    bin_number = torch.arange(bins, device=start.device)[:, None]
    position = start[:, None, None] + (bin_number + inside[:, None]) * step[:, None, None]  # (N, P, S)
    with torch.no_grad():
        near = (position >= -1 - SNAP) & (position <= limit + SNAP)
        read = near & (place < count[:, None])[:, None]
    position = position.nan_to_num(0, 0, 0).clamp(0, limit - 1)
    low = position.detach().floor().long()
    high = (low + 1).clamp_max(limit - 1)
    first = torch.where(read, low, limit - 1).amin(2)
    stop = torch.where(read, high, -1).amax(2) + 1
    length = (stop - first).clamp_min(0)
    longest = max(int(length.max()) if length.numel() else 0, 1)
    share = read / count.clamp_min(1)[:, None, None]
    fraction = position - low
    weight = position.new_zeros(*length.shape, longest)
    for pixel, part in ((low, 1 - fraction), (high, fraction)):
        weight = weight.scatter_add(2, (pixel - first[:, :, None]).clamp(0, longest - 1), part * share)
    return Taps(Spans(first, length), weight)


class RoIAlign(nn.Module):
    """Module of :func:`roi_align`: forward(feats (B, C, H, W), rois (N, 5)) -> (N, C, P, Q).

    Args:
        output_size: P x Q.
        spatial_scale: Map pixels per image pixel.
        sampling_ratio: Samples a bin along one axis, 0: as many as the bin is long.
        aligned: Whether pixel centres lie at half coordinates.
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
