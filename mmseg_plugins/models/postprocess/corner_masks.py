"""Paste masks whose first and last points lie on the edges of their boxes.

Masks cropped with ``crop_and_resize`` or pooled with ``direction_pool`` are samples at n points an axis, box edges
included.  Stock pasting (``FCNMaskHead``) takes a mask for n cells and would shrink such a mask by 1 - 1 / n, a good
pixel at each edge of a box of 100 pixels.

Shapes: N masks, n_h x n_w points, H x W pixels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

MAX_VALUES = 1 << 24  # pixels resampled at a time; 13 bytes each (grid 8, value 4, inside 1): 218 MB


def paste_corner_masks(masks: Tensor, boxes: Tensor, image_size: tuple[int, int], threshold: float = 0.5) -> Tensor:
    """Resample each mask at the centers of the pixels inside its box and threshold it.

    Args:
        masks: (N, n_h, n_w) probabilities.
        boxes: (N, 4), x1, y1, x2, y2 in pixels of the image; parts outside of it are cut off.
        image_size: H, W.
        threshold: A pixel belongs to the object from this probability on.  Negative: give the probabilities as
            0..255 instead, as stock heads do.

    Returns:
        (N, H, W), bool (uint8 with a negative threshold); nothing outside the boxes.
    """
    height, width = image_size
    dtype = torch.bool if threshold >= 0 else torch.uint8
    canvas = torch.zeros(masks.size(0), height, width, dtype=dtype, device=masks.device)
    if masks.size(0) == 0 or height == 0 or width == 0:
        return canvas
    step = max(1, MAX_VALUES // (height * width)) if masks.is_cuda else 1  # on a CPU only the box itself is resampled
    for start in range(0, masks.size(0), step):
        part = slice(start, start + step)
        rows, columns = _window(boxes[part], height, width, whole=masks.is_cuda)
        values, inside = _resample(masks[part].float(), boxes[part].float(), rows, columns)
        canvas[part, rows, columns] = inside & (values >= threshold) if threshold >= 0 else (
            values * inside * 255).to(torch.uint8)
    return canvas


def _resample(masks: Tensor, boxes: Tensor, rows: slice, columns: slice) -> tuple[Tensor, Tensor]:
    """Values of (n, n_h, n_w) masks at the pixels of a window, and whether the pixels lie inside the box; (n, h, w)."""
    x = _relative(columns, boxes[:, 0], boxes[:, 2])  # (n, w), -1 at the left edge and 1 at the right
    y = _relative(rows, boxes[:, 1], boxes[:, 3])
    inside = (y.abs() <= 1)[:, :, None] & (x.abs() <= 1)[:, None, :]
    grid = torch.stack(torch.broadcast_tensors(x[:, None, :], y[:, :, None]), dim=3)  # (n, h, w, 2)
    return F.grid_sample(masks[:, None], grid, padding_mode='border', align_corners=True)[:, 0], inside


def _relative(pixels: slice, low: Tensor, high: Tensor) -> Tensor:
    """Centres of the pixels relative to boxes, in [-1, 1] inside; 2 where the box has no extent and misses them."""
    centers = torch.arange(pixels.start, pixels.stop, device=low.device, dtype=torch.float32) + 0.5
    extent = (high - low)[:, None]
    scaled = (centers - low[:, None]) / extent.clamp(min=1e-6) * 2 - 1
    return torch.where(extent > 0, scaled, torch.full_like(scaled, 2.0))


def _window(boxes: Tensor, height: int, width: int, whole: bool) -> tuple[slice, slice]:
    """Rows and columns that hold every box of the chunk."""
    if whole:
        return slice(0, height), slice(0, width)
    low, high = boxes[:, :2].amin(0).floor().tolist(), boxes[:, 2:].amax(0).ceil().tolist()
    return _span(low[1], high[1], height), _span(low[0], high[0], width)


def _span(low: float, high: float, size: int) -> slice:
    first = int(min(max(low, 0), size))
    return slice(first, int(min(max(high, first), size)))
