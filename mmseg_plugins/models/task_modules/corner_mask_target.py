"""Mask targets at the points of the ``crop_and_resize`` grid: box edges included.

Stock ``mask_target`` averages the mask over n x n cells of a box; logits that are samples at n points an axis, from one
edge of the box to the other, need their targets at the same points.

Shapes: N masks, H x W pixels, n_h x n_w points.
"""

from __future__ import annotations

import torch
from mmdet.structures.mask import BitmapMasks, PolygonMasks
from torch import Tensor

from mmseg_plugins.ops import grid_axis, sample_channels


def corner_mask_targets(masks: BitmapMasks | PolygonMasks | Tensor,
                        boxes: Tensor,
                        size: tuple[int, int],
                        soft: bool = False) -> Tensor:
    """Sample each mask on the grid of its box.

    The mask is the bilinear surface through the centers of its pixels; points closer to an edge of the box than half a
    pixel read the outermost pixels of the box, so that a tight box has no rim of half values.

    Args:
        masks: N masks of H x W pixels, one a box.
        boxes: (N, 4), x1, y1, x2, y2 in pixels, pixel i covers [i, i + 1].
        size: n_h, n_w.
        soft: Keep the interpolated values instead of thresholding them at 0.5.

    Returns:
        (N, n_h, n_w), float32 in [0, 1], on the device of ``boxes``.

    Raises:
        ValueError: number of masks and boxes differ.
    """
    if len(masks) != boxes.size(0):
        raise ValueError(f'corner_mask_targets: {len(masks)} masks for {boxes.size(0)} boxes; it must be one a box')
    if len(masks) == 0:
        return boxes.new_zeros((0, *size), dtype=torch.float32)
    bitmaps = masks if isinstance(masks, Tensor) else torch.from_numpy(masks.to_ndarray())
    bitmaps = bitmaps.to(device=boxes.device, dtype=torch.uint8)
    boxes = boxes.detach().float()
    ys, xs = (_axis(boxes[:, axis], boxes[:, axis + 2], points) for axis, points in ((1, size[0]), (0, size[1])))
    batch = torch.arange(len(masks), device=boxes.device)
    # (N, H, W) -> (N, 1, H, W): every box reads its own mask
    values = sample_channels(bitmaps[:, None], batch, batch.new_zeros(1, 1, 1), ys, xs, outside='border')
    return values if soft else (values >= 0.5).float()


def _axis(low: Tensor, high: Tensor, points: int) -> Tensor:
    """Coordinates of the points in pixel indices (centre of pixel i at i), kept on the pixels of the box."""
    at = grid_axis(low, high, points)
    middle = (low + high) / 2
    first, last = torch.minimum(low + 0.5, middle), torch.maximum(high - 0.5, middle)
    return at.clamp(min=first[:, None], max=last[:, None]) - 0.5
