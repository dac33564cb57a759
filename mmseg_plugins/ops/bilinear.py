"""Bilinear reading along one axis: one sample a bin, or the pixels that OpenCV's resizing reads."""

from __future__ import annotations

import torch
from torch import Tensor

from .roi_geometry import Spans
from .separable import Taps


def bilinear_taps(position: Tensor, limit: int, margin: float) -> Taps:
    """Taps of a sample at ``position`` on an axis of ``limit`` pixels whose centers lie at 0 .. limit - 1.

    Within ``margin`` outside the first and last center a sample is moved onto that center, farther out it reads
    nothing.  Where it is moved, its position has no gradient; on a center the derivative is that to the right.

    Args:
        position: (N, P), in pixels of the map.
        limit: H or W.
        margin: 0 or 0.5.
    """
    with torch.no_grad():
        visible = (position >= -margin) & (position <= limit - 1 + margin)
        free = (position >= 0) & (position < limit - 1)
        first = position.nan_to_num().floor().clamp(0, limit - 1)
    fraction = torch.where(free, position - first, 0)
    length = torch.where(free, 2, 1) * visible
    return Taps(Spans(first.long(), length), torch.stack([1 - fraction, fraction], -1))


def resize_taps(length: Tensor, size: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor]:
    """The two pixels that each of ``size`` target pixels reads when ranges of pixels are resized as OpenCV does.

    Half-pixel centers, repeated borders, no smoothing: target pixel i reads (i + .5) * length / size - .5, so that 42
    pixels resized to 21 read pixels 0 and 1 half each, then 2 and 3, ...

    Args:
        length: (N,) whole pixels, at least 1.
        size: P.
        dtype: Of the positions.

    Returns:
        The near and the far pixel (N, P), whole numbers from 0 to ``length`` - 1, and the share (N, P) of the far one.
    """
    steps = torch.arange(size, device=length.device, dtype=dtype) + 0.5
    last = (length - 1)[:, None].to(dtype)
    source = torch.minimum((steps * (length.to(dtype) / size)[:, None] - 0.5).clamp(min=0), last)
    near = source.floor()
    return near.long(), torch.minimum(near + 1, last).long(), source - near
