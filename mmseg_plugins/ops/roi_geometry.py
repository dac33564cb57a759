"""Where the bins of an RoI lie on a map: what all RoI operators share.

Everything here is computed in float64, whatever the type of the maps.  The arrays are small (N x P), and an integer
decision (the pixel at which a bin begins) must not depend on the device or on the order of two float32 roundings.

Shapes: N RoIs, P bins along one axis.  RoIs are (batch index, x1, y1, x2, y2) in input-image pixels.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

SNAP = 1e-9  # a bin edge this near an integer is that integer: float64 noise must not add a pixel to a window


class Spans(NamedTuple):
    """Runs of pixels along one axis: pixel ``first`` and the ``length - 1`` after it; int64, (N, P) each."""

    first: Tensor
    length: Tensor


def pair(value: int | tuple[int, int], name: str) -> tuple[int, int]:
    """``value`` as (height, width), both at least 1."""
    both = (value, value) if isinstance(value, int) else tuple(value)
    if len(both) != 2 or any(int(side) != side or side < 1 for side in both):
        raise ValueError(f'{name}={value!r}, it must be a positive integer or a pair (height, width) of them')
    return int(both[0]), int(both[1])


def check_inputs(feats: Tensor, rois: Tensor, spatial_scale: float, owner: str) -> None:
    """Refuse shapes that no RoI operator can read; ``owner`` is named in the message.  See also :func:`read_sizes`."""
    if feats.dim() != 4 or not feats.is_floating_point():
        raise ValueError(
            f'{owner}: feats is {feats.dtype} of shape {tuple(feats.shape)}, it must be a floating (B, C, H, W)')
    if rois.dim() != 2 or rois.size(1) != 5:
        raise ValueError(f'{owner}: rois has shape {tuple(rois.shape)}, it must be (N, 5) = (batch index, x1, y1, x2, '
                         'y2); mmdet.structures.bbox.bbox2roi makes that from a list of (n, 4) boxes')
    if rois.device != feats.device:
        raise ValueError(f'{owner}: rois are on {rois.device}, feats on {feats.device}; move one of them')
    if not (math.isfinite(spatial_scale) and spatial_scale > 0):
        raise ValueError(
            f'{owner}: spatial_scale={spatial_scale!r}, it must be above 0, such as 1 / 16 for a map of stride 16')


def read_sizes(rois: Tensor, batch: int, owner: str, *sizes: Tensor) -> list[int]:
    """Tell the host what it must know to go on: the one point where an operator waits for its device.

    Args:
        rois: (N, 5); that their images exist is checked with what is read anyway.
        batch: Number of images in the batch.
        owner: Named in the message.
        sizes: Integers of any shape on the device of ``rois``.

    Returns:
        All of ``sizes`` in order; zeros where there is no RoI.

    Raises:
        ValueError: rois name an image that is not in the batch.
    """
    if not len(rois):
        return [0] * sum(size.numel() for size in sizes)
    with torch.no_grad():
        images = rois[:, 0].aminmax()
        lowest, highest, *read = torch.cat([part.reshape(-1).double() for part in (*images, *sizes)]).tolist()
    if not 0 <= lowest <= highest < batch:
        raise ValueError(f'{owner}: rois name images {lowest:g} to {highest:g}, feats holds {batch}; column 0 of rois '
                         'is the index in the batch, from 0')
    return [int(number) for number in read]


def largest(lengths: Tensor) -> Tensor:
    """The maximum, 0 of no lengths; no dimensions."""
    return lengths.amax() if lengths.numel() else lengths.new_zeros(())


def members_per_roi(y: Spans, x: Spans) -> Tensor:
    """Number of pixels under all windows of each RoI, (N,)."""
    return y.length.sum(1) * x.length.sum(1)


def round_half_away(x: Tensor) -> Tensor:
    """Round to the nearest integer, halves away from zero like C's ``round`` (``torch.round`` takes the even one)."""
    return x.sign() * (x.abs() + 0.5).floor()


def bin_edges(start: Tensor, size: Tensor, bins: int) -> tuple[Tensor, Tensor]:
    """Lower and upper edge, (N, P) each, of ``bins`` equal bins from ``start`` (N,) over ``size`` (N,)."""
    place = torch.arange(bins + 1, device=start.device, dtype=start.dtype)
    # By a tensor: CUDA divides by a number as a product with its rounded inverse, and 3 * 7 / 7 would not be 3.
    edges = start[:, None] + size[:, None] * place / torch.full_like(place, bins)
    return edges[:, :-1], edges[:, 1:]


def covering_spans(low: Tensor, high: Tensor, limit: int) -> Spans:
    """Pixels floor(low) .. ceil(high) - 1 of each bin, cut to 0 .. limit - 1; length 0 where nothing is left."""
    first = (low + SNAP).floor().long().clamp(0, limit)
    end = (high - SNAP).ceil().long().clamp(0, limit)
    return Spans(first, (end - first).clamp_min(0))
