"""Cutting maps around their centre."""

from __future__ import annotations

from torch import Tensor


def center_crop(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Cut (B, C, H, W) to (B, C, h, w) around its centre; where the difference is odd, one less at the top and left."""
    top, left = (x.shape[-2] - size[0]) // 2, (x.shape[-1] - size[1]) // 2
    return x[..., top:top + size[0], left:left + size[1]]
