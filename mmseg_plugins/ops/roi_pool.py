"""RoI max pooling as ``mmcv.ops.RoIPool`` does it, on CPU too.

Paper: "Fast R-CNN", https://arxiv.org/abs/1504.08083, section 2.1.  mmcv's operator is CUDA only;
``torchvision.ops.roi_pool`` runs on the CPU but rounds the RoI to whole map pixels first and gives other numbers.
On CUDA this operator is used as well, so that one checkpoint gives one result: bin edges are exact (float64), where
mmcv's float32 edges may add a pixel to a bin whose edge falls on a pixel border.

Shapes: B images, C channels, H x W pixels, N RoIs, P x Q bins.  RoIs are (batch index, x1, y1, x2, y2) in input-image
pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .roi_geometry import bin_edges, check_inputs, covering_spans, members_per_roi, pair, read_sizes
from .window_pool import Windows, bins_as_maps, make_windows, pixel_table, window_max, window_max_rows


def roi_pool(feats: Tensor, rois: Tensor, output_size: int | tuple[int, int], spatial_scale: float) -> Tensor:
    """Keep the maximum of the pixels under each bin.

    On the map an RoI spans x1 * scale .. (x2 + 1) * scale, unrounded.  Bin p covers the pixels
    floor(start + p * bin) .. ceil(start + (p + 1) * bin) - 1, cut to the map.  An RoI from 0 to 31 on a map of stride
    16 in 2 bins keeps the pixels 0 and 1 as they are.

    Args:
        feats: (B, C, H, W).
        rois: (N, 5).  They get no gradient.
        output_size: P x Q.
        spatial_scale: Map pixels per image pixel.

    Returns:
        (N, C, P, Q); 0 for an empty bin, and for all bins of an RoI with x2 + 1 <= x1 or y2 + 1 <= y1.  The gradient
        goes to the first maximum in reading order.

    Raises:
        ValueError: For inputs of a wrong shape, a wrong size or scale.
    """
    check_inputs(feats, rois, spatial_scale, 'roi_pool')
    size = pair(output_size, 'output_size')
    windows = _windows(feats, rois, size, spatial_scale)
    return bins_as_maps(window_max(pixel_table(feats), windows), len(rois), size, feats)


def roi_pool_places(feats: Tensor, rois: Tensor, output_size: int | tuple[int, int],
                    spatial_scale: float) -> tuple[Tensor, Tensor]:
    """The result of :func:`roi_pool`, without a gradient, and where each maximum lay.

    Returns:
        (N, C, P, Q) maxima, and their places y * W + x on the map, int64; -1 for an empty bin.
    """
    check_inputs(feats, rois, spatial_scale, 'roi_pool')
    size, (height, width) = pair(output_size, 'output_size'), feats.shape[2:]
    windows = _windows(feats, rois, size, spatial_scale)
    value, row = window_max_rows(pixel_table(feats.detach()), windows)
    filled = (windows.rows * windows.cols > 0)[:, None]
    place = torch.where(filled, row % (height * width), -1)
    maps, places = (one.reshape(len(rois), *size, feats.size(1)).permute(0, 3, 1, 2) for one in (value, place))
    return maps.to(feats.dtype), places


def _windows(feats: Tensor, rois: Tensor, size: tuple[int, int], spatial_scale: float) -> Windows:
    """The pixels under each bin; none for an RoI without extent."""
    height, width = feats.shape[2:]
    with torch.no_grad():
        image, x1, y1, x2, y2 = rois.double().unbind(1)
        x1, y1, x2, y2 = x1 * spatial_scale, y1 * spatial_scale, (x2 + 1) * spatial_scale, (y2 + 1) * spatial_scale
        exists = (x2 > x1) & (y2 > y1)
        y = covering_spans(*bin_edges(y1, y2 - y1, size[0]), height)
        x = covering_spans(*bin_edges(x1, x2 - x1, size[1]), width)
        y = y._replace(length=y.length * exists[:, None])
        total, = read_sizes(rois, len(feats), 'roi_pool', members_per_roi(y, x).sum())
        return make_windows((image.long() * (height * width))[:, None, None], y, x, width, total)


class RoIPool(nn.Module):
    """Module of :func:`roi_pool`: forward(feats (B, C, H, W), rois (N, 5)) -> (N, C, P, Q).

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
        return roi_pool(feats, rois, self.output_size, self.spatial_scale)

    def extra_repr(self) -> str:
        return f'output_size={self.output_size}, spatial_scale={self.spatial_scale}'
