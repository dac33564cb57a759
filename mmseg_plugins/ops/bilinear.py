"""One bilinear sample a bin, as taps along one axis."""

from __future__ import annotations

import torch
from torch import Tensor

from .roi_geometry import Spans
from .separable import Taps


def bilinear_taps(position: Tensor, limit: int, margin: float) -> Taps:
    """Taps of a sample at ``position`` on an axis of ``limit`` pixels whose centres lie at 0 .. limit - 1.

    Within ``margin`` outside the first and last centre a sample is moved onto that centre, farther out it reads
    nothing.  Where it is moved, its position has no gradient; on a centre the derivative is that to the right.

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
