"""Tight boxes of binary masks."""

from __future__ import annotations

import torch
from torch import Tensor


def mask_boxes(masks: Tensor) -> Tensor:
    """x1 y1 x2 y2 (N, 4) float of masks (N, H, W) in pixels, x2 and y2 exclusive; zeros for an empty mask."""
    sides = []
    for flat in (masks.any(dim=1), masks.any(dim=2)):  # columns -> x, rows -> y
        positions = torch.arange(flat.size(1), device=flat.device)
        first = torch.where(flat, positions, flat.size(1)).amin(dim=1)
        last = torch.where(flat, positions, -1).amax(dim=1) + 1
        sides.append((first, last))
    boxes = torch.stack([sides[0][0], sides[1][0], sides[0][1], sides[1][1]], dim=1).float()
    return boxes * masks.flatten(1).any(dim=1)[:, None]
