"""Mirrored borders of any width, also wider than the image.

The border pixel itself is not repeated (OpenCV's ``BORDER_REFLECT_101``): 2 px before ``a b c d`` give
``c b | a b c d``.  torch's ``F.pad(mode='reflect')`` is the same, but refuses a margin that is as wide as the image.
"""

from __future__ import annotations

import torch
from torch import Tensor


def mirror_index(size: int, before: int, after: int) -> Tensor:
    """Which of ``size`` pixels stands at each place of the padded line, (before + size + after) long.

    A line of one pixel repeats it.
    """
    period = max(2 * (size - 1), 1)
    place = torch.arange(-before, size + after) % period
    return torch.where(place < size, place, period - place)


def mirror_pad(x: Tensor, before: tuple[int, int], after: tuple[int, int]) -> Tensor:
    """Pad (..., H, W) by mirrored pixels.

    Args:
        x: Image or map.
        before: Rows above and columns at the left.
        after: Rows below and columns at the right.
    """
    rows = mirror_index(x.shape[-2], before[0], after[0]).to(x.device)
    columns = mirror_index(x.shape[-1], before[1], after[1]).to(x.device)
    return x.index_select(-2, rows).index_select(-1, columns)
