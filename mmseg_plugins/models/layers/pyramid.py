"""Several maps made one: resized to the finest and laid on top of each other."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def concat_levels(maps: Sequence[Tensor], in_channels: Sequence[int], owner: str) -> Tensor:
    """Resize all maps to the first one's size (bilinear, half-pixel centers) and concatenate their channels.

    Args:
        maps: (B, C_i, H_i, W_i), finest first.
        in_channels: The C_i that are expected.
        owner: Name of the module that reads them, for the message.

    Returns:
        (B, sum of C_i, H_0, W_0).

    Raises:
        ValueError: other channels.
    """
    got = [level.size(1) for level in maps] if not isinstance(maps, Tensor) else [f'one tensor {tuple(maps.shape)}']
    if got != list(in_channels):
        raise ValueError(
            f'{owner}: in_channels={list(in_channels)}, but backbone and neck give {len(got)} maps of {got} channels; '
            'set in_channels to what they give, or choose the maps by out_indices or num_outs')
    size = maps[0].shape[-2:]
    return torch.cat([
        level if level.shape[-2:] == size else F.interpolate(level, size=size, mode='bilinear', align_corners=False)
        for level in maps
    ], dim=1)
