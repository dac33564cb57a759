"""Precise RoI pooling: the exact mean of the bilinear surface over each bin.

Paper: "Acquisition of Localization Confidence for Accurate Object Detection", https://arxiv.org/abs/1807.11590,
section 3.3.  Original code (MIT): https://github.com/vacancy/PreciseRoIPooling .  The operators of the original and of
mmcv need CUDA; here the integral is taken in closed form, axis by axis.

Shapes: B images, C channels, H x W pixels, N RoIs, P x Q bins.  RoIs are (batch index, x1, y1, x2, y2) in input-image
pixels.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from .roi_geometry import Spans, bin_edges, check_inputs, largest, members_per_roi, pair, read_sizes
from .separable import Taps, separable_sum
from .window_pool import bins_as_maps, pixel_table


def prroi_pool(feats: Tensor, rois: Tensor, output_size: int | tuple[int, int], spatial_scale: float) -> Tensor:
    """Average the bilinear surface over each bin.

    A map coordinate is an image coordinate times ``spatial_scale``; pixel centers lie at integers and there is no shift
    by half a pixel.  The surface is linear between centers and falls to 0 within one pixel outside the map.  With the
    map [[1, 2], [3, 4]], the RoI 0, 0, 1, 1 in 2 x 2 bins gives [[1.75, 2.25], [2.75, 3.25]].

    Args:
        feats: (B, C, H, W).
        rois: (N, 5); their corners get the exact gradient.
        output_size: P x Q.
        spatial_scale: Map pixels per image pixel.

    Returns:
        (N, C, P, Q); 0, without a gradient, for an RoI whose width or height is not above 0.  Half and bfloat16 maps
        are averaged in float32.

    Raises:
        ValueError: For inputs of a wrong shape, a wrong size or scale.
    """
    check_inputs(feats, rois, spatial_scale, 'prroi_pool')
    rows, cols = pair(output_size, 'output_size')
    height, width = feats.shape[2:]
    corners = rois[:, 1:].double() * spatial_scale
    x1, y1, x2, y2 = corners.unbind(1)
    exists = (x2 > x1) & (y2 > y1)
    y, x = _Axis.of(y1, y2, exists, rows, height), _Axis.of(x1, x2, exists, cols, width)
    longest_y, longest_x, total = read_sizes(rois, len(feats), 'prroi_pool', largest(y.spans.length),
                                             largest(x.spans.length), members_per_roi(y.spans, x.spans).sum())
    pooled = separable_sum(pixel_table(feats), rois, y.taps(longest_y), x.taps(longest_x), (height, width), total)
    return bins_as_maps(pooled, len(rois), (rows, cols), feats)


class _Axis(NamedTuple):
    """The bins a .. b along one axis: (N, P) each, and the share of a bin in one unit of length, (N,)."""

    low: Tensor
    high: Tensor
    share: Tensor
    spans: Spans

    @classmethod
    def of(cls, start: Tensor, end: Tensor, exists: Tensor, bins: int, limit: int) -> _Axis:
        """Bins of RoIs from ``start`` to ``end``, (N,) each."""
        size = torch.where(exists, end - start, 1)
        low, high = bin_edges(start, size, bins)  # (N, P)
        first = low.detach().floor().long().clamp(0, limit)
        stop = (high.detach().ceil().long() + 1).clamp(0, limit)
        return cls(low, high, bins / size, Spans(first, (stop - first).clamp_min(0) * exists[:, None]))

    def taps(self, longest: int) -> Taps:
        """Pixel i weighs (Phi(b - i) - Phi(a - i)) / (b - a); ``longest``: the largest length of the spans."""
        pixel = self.spans.first[:, :, None] + torch.arange(max(longest, 1), device=self.low.device)  # (N, P, J)
        weight = _hat_integral(self.high[:, :, None] - pixel) - _hat_integral(self.low[:, :, None] - pixel)
        return Taps(self.spans, weight * self.share[:, None, None])


def _hat_integral(t: Tensor) -> Tensor:
    """Phi(t): the integral of max(0, 1 - |u|) up to t."""
    t = t.clamp(-1, 1)
    return torch.where(t < 0, 0.5 * (t + 1).square(), 1 - 0.5 * (1 - t).square())


class PrRoIPool(nn.Module):
    """Module of :func:`prroi_pool`: forward(feats (B, C, H, W), rois (N, 5)) -> (N, C, P, Q).

    Args:
        output_size: P x Q.
        spatial_scale: Map pixels per image pixel.
    """

    def __init__(self, output_size: int | tuple[int, int], spatial_scale: float = 1.0) -> None:
        super().__init__()
        self.output_size = pair(output_size, 'output_size')
        self.spatial_scale = float(spatial_scale)

    def forward(self, feats: Tensor, rois: Tensor) -> Tensor:
        """Pool ``rois`` from ``feats``."""
        return prroi_pool(feats, rois, self.output_size, self.spatial_scale)

    def extra_repr(self) -> str:
        return f'output_size={self.output_size}, spatial_scale={self.spatial_scale}'
