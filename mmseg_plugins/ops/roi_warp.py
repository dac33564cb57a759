"""RoI warping of multi-task network cascades: one bilinear sample at each bin's top left corner.

Paper: "Instance-aware Semantic Segmentation via Multi-task Network Cascades", https://arxiv.org/abs/1512.04412,
section 3.2.  Original code: https://github.com/daijifeng001/caffe-mnc/tree/b7bdfee3730ca33d5e3ad61efdfbfc13443220a2 ,
``src/caffe/layers/roi_warping_layer.cu``.  Its released backward kernels use other bins than its forward kernel and
drop the last row and column; here the gradient is that of the forward rule, with rounding passed straight through.

MNC warps to 28 x 28 (14 x 14 in its second stage) and takes the maximum of 2 x 2 after that: ``max_pool``.

Shapes: B images, C channels, H x W pixels, N RoIs, P x Q bins.  RoIs are (batch index, x1, y1, x2, y2) in input-image
pixels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .bilinear import bilinear_taps
from .roi_geometry import bin_edges, check_inputs, members_per_roi, pair, read_sizes, round_half_away
from .separable import separable_sum
from .window_pool import bins_as_maps, pixel_table


def roi_warp(feats: Tensor, rois: Tensor, output_size: int | tuple[int, int], spatial_scale: float) -> Tensor:
    """Sample the maps at the top left corners of each RoI's bins.

    Map coordinates are round(x1 * scale) .. round(x2 * scale), halves away from zero and no pixel added; the sample of
    bin p lies at start + p * size / P, size at least 0.  Outside -0.5 .. H - 0.5 a sample is 0, within it is clamped to
    the map.  An RoI from 0 to 63 on a map of stride 16 in 2 bins samples at 0 and 2.

    Args:
        feats: (B, C, H, W).
        rois: (N, 5); their corners get the gradient of the samples' positions, as if nothing were rounded.
        output_size: P x Q.
        spatial_scale: Map pixels per image pixel; MNC: 1 / 16.

    Returns:
        (N, C, P, Q).  Half and bfloat16 maps are interpolated in float32.

    Raises:
        ValueError: For inputs of a wrong shape, a wrong size or scale.
    """
    check_inputs(feats, rois, spatial_scale, 'roi_warp')
    rows, cols = pair(output_size, 'output_size')
    height, width = feats.shape[2:]
    x1, y1, x2, y2 = _round_straight_through(rois[:, 1:].double() * spatial_scale).unbind(1)
    y = bilinear_taps(_corners(y1, y2, rows), height, margin=0.5)
    x = bilinear_taps(_corners(x1, x2, cols), width, margin=0.5)
    total, = read_sizes(rois, len(feats), 'roi_warp', members_per_roi(y.spans, x.spans).sum())
    pooled = separable_sum(pixel_table(feats), rois, y, x, (height, width), total)
    return bins_as_maps(pooled, len(rois), (rows, cols), feats)


def _round_straight_through(x: Tensor) -> Tensor:
    return x + (round_half_away(x) - x).detach()


def _corners(start: Tensor, end: Tensor, bins: int) -> Tensor:
    size = torch.where(end > start, end - start, 0)  # a collapsed axis hangs on its start alone
    return bin_edges(start, size, bins)[0]


class RoIWarp(nn.Module):
    """Module of :func:`roi_warp`: forward(feats (B, C, H, W), rois (N, 5)) -> (N, C, P, Q).

    Args:
        output_size: P x Q, after ``max_pool``.
        spatial_scale: Map pixels per image pixel.
        max_pool: Warp to this many times P x Q, then keep the maximum of each square of that side; MNC: 2.
    """

    def __init__(self, output_size: int | tuple[int, int], spatial_scale: float = 1.0, max_pool: int = 1) -> None:
        super().__init__()
        if max_pool < 1:
            raise ValueError(f'RoIWarp: max_pool={max_pool!r}, it must be at least 1 (1 takes no maximum)')
        self.output_size = pair(output_size, 'output_size')
        self.spatial_scale = float(spatial_scale)
        self.max_pool = max_pool

    def forward(self, feats: Tensor, rois: Tensor) -> Tensor:
        """Warp ``rois`` of ``feats``."""
        rows, cols = self.output_size
        warped = roi_warp(feats, rois, (rows * self.max_pool, cols * self.max_pool), self.spatial_scale)
        return warped if self.max_pool == 1 else F.max_pool2d(warped, self.max_pool)

    def extra_repr(self) -> str:
        return f'output_size={self.output_size}, spatial_scale={self.spatial_scale}, max_pool={self.max_pool}'
