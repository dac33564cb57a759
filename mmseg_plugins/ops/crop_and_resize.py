"""Crop-and-resize: a grid of bilinear samples that includes the box's corners.

The operator of TensorFlow's object detection code, which MaskLab's paper (https://arxiv.org/abs/1712.04837) builds on
(``tf.image.crop_and_resize``).  It is not RoIAlign: n samples lie at the ends of n - 1 equal intervals, the first and
last on the box's edges, instead of at the centers of n bins.

Shapes: B images, C channels, H x W pixels, N boxes, P x Q samples.  RoIs are (batch index, x1, y1, x2, y2) in
input-image pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .bilinear import bilinear_taps
from .roi_geometry import check_inputs, members_per_roi, pair, read_sizes
from .separable import separable_sum
from .window_pool import bins_as_maps, pixel_table


def crop_and_resize(feats: Tensor, rois: Tensor, output_size: int | tuple[int, int], spatial_scale: float) -> Tensor:
    """Sample each box on a grid that touches its edges.

    Row i of P lies at y1 + i * (y2 - y1) / (P - 1), a single row at the box's center.  A map coordinate is an image
    coordinate times ``spatial_scale`` (no half pixel), pixel centers lie at integers, and a sample outside 0 .. H - 1
    is 0.  TensorFlow's normalized box is the same with y1 = y * (H - 1) and scale 1.  A box with y2 < y1 is read upside
    down, as there.  A box from 0 to 40 on a map of stride 8 in 3 rows samples the rows 0, 2.5 and 5.

    Args:
        feats: (B, C, H, W).
        rois: (N, 5); their corners get the gradient of the samples' positions.
        output_size: P x Q; MaskLab: 41.
        spatial_scale: Map pixels per image pixel.

    Returns:
        (N, C, P, Q).  Half and bfloat16 maps are interpolated in float32.

    Raises:
        ValueError: For inputs of a wrong shape, a wrong size or scale.
    """
    check_inputs(feats, rois, spatial_scale, 'crop_and_resize')
    rows, cols = pair(output_size, 'output_size')
    height, width = feats.shape[2:]
    x1, y1, x2, y2 = (rois[:, 1:].double() * spatial_scale).unbind(1)
    y = bilinear_taps(_grid(y1, y2, rows), height, margin=0)
    x = bilinear_taps(_grid(x1, x2, cols), width, margin=0)
    total, = read_sizes(rois, len(feats), 'crop_and_resize', members_per_roi(y.spans, x.spans).sum())
    pooled = separable_sum(pixel_table(feats), rois, y, x, (height, width), total)
    return bins_as_maps(pooled, len(rois), (rows, cols), feats)


def _grid(start: Tensor, end: Tensor, count: int) -> Tensor:
    """``count`` positions from ``start`` to ``end`` (N,), both included -> (N, count)."""
    if count == 1:
        return (0.5 * (start + end))[:, None]
    step = torch.arange(count, device=start.device, dtype=start.dtype) / (count - 1)
    return torch.lerp(start[:, None], end[:, None], step)  # both ends exact: an edge on the last pixel is inside


class CropAndResize(nn.Module):
    """Module of :func:`crop_and_resize`: forward(feats (B, C, H, W), rois (N, 5)) -> (N, C, P, Q).

    Args:
        output_size: P x Q.
        spatial_scale: Map pixels per image pixel.
    """

    def __init__(self, output_size: int | tuple[int, int], spatial_scale: float = 1.0) -> None:
        super().__init__()
        self.output_size = pair(output_size, 'output_size')
        self.spatial_scale = float(spatial_scale)

    def forward(self, feats: Tensor, rois: Tensor) -> Tensor:
        """Crop ``rois`` from ``feats``."""
        return crop_and_resize(feats, rois, self.output_size, self.spatial_scale)

    def extra_repr(self) -> str:
        return f'output_size={self.output_size}, spatial_scale={self.spatial_scale}'
