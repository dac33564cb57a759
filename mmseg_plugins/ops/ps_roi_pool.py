"""Position-sensitive RoI average pooling with free group and output sizes, as FCIS uses it.

Paper: "Fully Convolutional Instance-aware Semantic Segmentation", https://arxiv.org/abs/1611.07709, section 3.1.
Original code: https://github.com/msracver/FCIS/blob/309f6c9a1669bf05a955b66519a807951e70197f , a CUDA operator of MXNet
(``fcis/operator_cxx/psroi_pooling.cu``), and https://github.com/chainer/chainercv , ``ps_roi_average_pooling_2d``.
``torchvision.ops.ps_roi_pool`` cannot stand in: its output size is its group size, and it rounds after scaling.

Where a bin edge falls exactly on a pixel border, the originals' float32 rounding decides by chance whether the next
pixel belongs to the window.  Here the exact edge decides, the same on every device.

Shapes: B images, D outputs a bin, k groups a side, C = D k k channels, H x W pixels, N RoIs, P x Q bins.
RoIs are (batch index, x1, y1, x2, y2) in input-image pixels.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .roi_geometry import (
    Spans,
    bin_edges,
    check_inputs,
    covering_spans,
    members_per_roi,
    pair,
    read_sizes,
    round_half_away,
)
from .window_pool import bins_as_maps, make_windows, pixel_table, window_mean

BOX_MODES = ('inclusive', 'half_open')
OLD_NAMES = {'msracver': 'inclusive', 'chainercv': 'half_open'}
MIN_SIZE = 0.1  # of an RoI, in pixels of the map


def ps_roi_pool(feats: Tensor,
                rois: Tensor,
                output_size: int | tuple[int, int],
                group_size: int,
                spatial_scale: float,
                box_mode: str = 'inclusive') -> Tensor:
    """Average each bin over its window, read from the channel of the bin's group.

    An RoI spans, on the map, ``inclusive``: round(x1) * scale .. (round(x2) + 1) * scale, halves rounded away from
    zero; ``half_open``: x1 * scale .. x2 * scale.  It is made at least 0.1 long.  Bin p covers the pixels
    floor(start + p * bin) .. ceil(start + (p + 1) * bin) - 1, cut to the map, and belongs to group floor(p * k / P).
    With RoI (3, 5, 60, 70), scale 1/16 and 4 bins, ``inclusive`` takes x from 0.1875 to 3.8125 in bins of 0.90625, so
    that the second bin, 1.09375 .. 2, is pixel 1 alone.

    Args:
        feats: Score maps (B, D k k, H, W); channel (d * k + row group) * k + column group.
        rois: (N, 5).  They get no gradient.
        output_size: P x Q; FCIS: 21.  It need not be a multiple of the group size.
        group_size: k; FCIS: 7.  1 pools every bin from the same channel.
        spatial_scale: Map pixels per image pixel; FCIS: 1 / 16.
        box_mode: How RoIs count their pixels, ``'inclusive'`` (the original) or ``'half_open'`` (chainercv).

    Returns:
        (N, D, P, Q), 0 where a window is empty; in memory D runs fastest (channels last).  Half and bfloat16 maps
        are averaged in float32.

    Raises:
        ValueError: For channels that are no multiple of k k, an unknown box_mode, or inputs of a wrong shape.
    """
    size = pair(output_size, 'output_size')
    table = _score_table(feats, rois, group_size, spatial_scale, box_mode)
    y, x = _spans(feats, rois, size, spatial_scale, box_mode)
    total, = read_sizes(rois, len(feats), 'ps_roi_pool', members_per_roi(y, x).sum())
    return _pool(table, feats, rois, y, x, group_size, total)


def ps_roi_pool_chunks(feats: Tensor,
                       rois: Tensor,
                       output_size: int | tuple[int, int],
                       group_size: int,
                       spatial_scale: float,
                       box_mode: str = 'inclusive',
                       chunk: int = 16) -> Iterator[Tensor]:
    """:func:`ps_roi_pool` a few RoIs at a time, for a reader that keeps less than it is given.

    FCIS at test time needs of (300, 162, 21, 21) numbers one score a class and one mask an RoI.  Reduced piece by
    piece, the 86 MB are never written.

    Yields:
        (n, D, P, Q) for the next ``chunk`` RoIs, in order; nothing when there is no RoI.
    """
    if chunk < 1:
        raise ValueError(f'ps_roi_pool_chunks: chunk={chunk!r}, it must be at least 1')
    size = pair(output_size, 'output_size')
    table = _score_table(feats, rois, group_size, spatial_scale, box_mode)
    if not len(rois):
        return
    y, x = _spans(feats, rois, size, spatial_scale, box_mode)
    per_chunk = F.pad(members_per_roi(y, x), (0, -len(rois) % chunk)).view(-1, chunk).sum(1)
    for number, total in enumerate(read_sizes(rois, len(feats), 'ps_roi_pool', per_chunk)):
        part = slice(number * chunk, (number + 1) * chunk)
        y_part, x_part = (Spans(axis.first[part], axis.length[part]) for axis in (y, x))
        yield _pool(table, feats, rois[part], y_part, x_part, group_size, total)


def _score_table(feats: Tensor, rois: Tensor, group_size: int, spatial_scale: float, box_mode: str) -> Tensor:
    """Check the arguments and lay the maps out as (B k k H W, D), the D scores of a bin side by side."""
    check_inputs(feats, rois, spatial_scale, 'ps_roi_pool')
    _check_mode(box_mode, 'ps_roi_pool')
    cells = group_size * group_size
    if group_size < 1 or feats.size(1) % cells:
        raise ValueError(f'ps_roi_pool: feats has {feats.size(1)} channels, with group_size={group_size} it must be a '
                         f'multiple of {group_size} * {group_size} = {cells}')
    return pixel_table(feats, cells)


@torch.no_grad()
def _spans(feats: Tensor, rois: Tensor, size: tuple[int, int], spatial_scale: float,
           box_mode: str) -> tuple[Spans, Spans]:
    """Pixels of the rows and of the columns of bins."""
    height, width = feats.shape[2:]
    x1, y1, x2, y2 = rois[:, 1:].double().unbind(1)
    if box_mode == 'inclusive':
        x1, y1, x2, y2 = round_half_away(x1), round_half_away(y1), round_half_away(x2) + 1, round_half_away(y2) + 1
    y = covering_spans(*_bins(y1 * spatial_scale, y2 * spatial_scale, size[0]), height)
    x = covering_spans(*_bins(x1 * spatial_scale, x2 * spatial_scale, size[1]), width)
    return y, x


def _pool(table: Tensor, feats: Tensor, rois: Tensor, y: Spans, x: Spans, group_size: int, total: int) -> Tensor:
    height, width = feats.shape[2:]
    size = y.first.size(1), x.first.size(1)
    with torch.no_grad():
        cell = _group(size[0], group_size, rois)[:, None] * group_size + _group(size[1], group_size, rois)  # (P, Q)
        image = rois[:, 0].long()[:, None, None] * group_size**2
        windows = make_windows((image + cell) * (height * width), y, x, width, total)
    return bins_as_maps(window_mean(table, windows), len(rois), size, feats)


def _bins(start: Tensor, end: Tensor, bins: int) -> tuple[Tensor, Tensor]:
    return bin_edges(start, (end - start).clamp_min(MIN_SIZE), bins)


def _check_mode(box_mode: str, owner: str) -> None:
    if box_mode not in BOX_MODES:
        raise ValueError(f'{owner}: box_mode={box_mode!r}. Rule: one of {BOX_MODES}. Fix: one of the two')


def _group(bins: int, groups: int, like: Tensor) -> Tensor:
    """Group of each bin, (P,): floor(p * k / P)."""
    return torch.arange(bins, device=like.device) * groups // bins


class PSRoIPool(nn.Module):
    """Module of :func:`ps_roi_pool`: forward(feats (B, D k k, H, W), rois (N, 5)) -> (N, D, P, Q).

    Args:
        output_size: P x Q; FCIS: 21.
        group_size: k; FCIS: 7.
        spatial_scale: Map pixels per image pixel.
        box_mode: ``'inclusive'`` or ``'half_open'``.
        convention: Deprecated; ``'msracver'`` or ``'chainercv'``, which count so.
    """

    def __init__(self,
                 output_size: int | tuple[int, int],
                 group_size: int,
                 spatial_scale: float = 1.0,
                 box_mode: str = 'inclusive',
                 convention: str | None = None) -> None:
        super().__init__()
        if convention is not None:
            box_mode = OLD_NAMES.get(convention, convention)
            warnings.warn(f'PSRoIPool: convention={convention!r} is deprecated, write box_mode={box_mode!r}',
                          FutureWarning, stacklevel=2)
        _check_mode(box_mode, 'PSRoIPool')
        self.output_size = pair(output_size, 'output_size')
        self.group_size = group_size
        self.spatial_scale = float(spatial_scale)
        self.box_mode = box_mode

    def forward(self, feats: Tensor, rois: Tensor) -> Tensor:
        """Pool ``rois`` from ``feats``."""
        return ps_roi_pool(feats, rois, self.output_size, self.group_size, self.spatial_scale, self.box_mode)

    def extra_repr(self) -> str:
        return (f'output_size={self.output_size}, group_size={self.group_size}, '
                f'spatial_scale={self.spatial_scale}, box_mode={self.box_mode!r}')
