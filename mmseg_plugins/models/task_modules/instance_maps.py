"""Ground truth of one image as maps: which instance and which class each cell belongs to, and what is unknown.

Shapes: G objects, H x W input pixels (padding included), h x w cells of ``stride`` px.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.structures import InstanceData
from torch import Tensor

IGNORED = -100  # no label can have it
CHUNK_PIXELS = 2**23  # of the masks that are floats at a time: 32 MB


def instance_maps(truth: InstanceData,
                  unknown: Tensor,
                  stride: int,
                  class_agnostic: bool = False) -> tuple[Tensor, Tensor]:
    """Instance and class of each cell.

    A cell belongs to the object that covers at least half of its pixels; where several do, to the smallest of them.  An
    object that covers half of no cell (one thinner than half a cell) takes the cells that it covers most, so that none
    is lost unless smaller ones hide it.

    Args:
        truth: ``masks`` (G, H, W) and ``labels`` (G,) from 0.
        unknown: (H, W) bool, see :func:`unknown_region`.
        stride: Pixels a cell.
        class_agnostic: All objects are of class 1.

    Returns:
        ids (h, w) long, 0 = no object or unknown, g + 1 = object g; and classes (h, w) long, 0 = background,
        label + 1, ``IGNORED`` where at least half of the cell is unknown and no object is.  h = H / stride, rounded up.
    """
    device = unknown.device
    unknown = cell_cover(unknown[None], stride)[0] >= 0.5
    ids = torch.zeros(unknown.shape, dtype=torch.long, device=device)
    if len(truth):
        pixels = truth.masks.to_tensor(torch.bool, device)
        areas = pixels.flatten(1).sum(1)
        cover = cell_cover(pixels, stride)  # (G, h, w)
        needed = cover.amax(dim=(1, 2), keepdim=True).clamp(max=0.5)
        masks = (cover >= needed) & (cover > 0)
        rank = torch.empty_like(areas)  # larger = smaller area = in front
        rank[areas.argsort(descending=True, stable=True)] = torch.arange(1, len(areas) + 1, device=device)
        top = (masks * rank[:, None, None].to(torch.int32)).amax(dim=0).long()  # (h, w)
        object_of_rank = torch.zeros(len(areas) + 1, dtype=torch.long, device=device)
        object_of_rank[rank] = torch.arange(1, len(areas) + 1, device=device)
        ids = object_of_rank[top]
    labels = truth.labels.to(device).long() + 1 if not class_agnostic else torch.ones_like(truth.labels, device=device)
    classes = torch.cat([labels.new_zeros(1), labels.long()])[ids]
    return ids, classes.masked_fill(unknown & (ids == 0), IGNORED)


def unknown_region(ignored: InstanceData | None, img_shape: Sequence[int], size: Sequence[int],
                   device: torch.device) -> Tensor:
    """Pixels (H, W) that say nothing: padding beyond ``img_shape``, and objects to be ignored (their masks if there are
    any, else their boxes, x1 y1 x2 y2 in input pixels)."""
    region = torch.ones(tuple(size), dtype=torch.bool, device=device)
    region[:img_shape[0], :img_shape[1]] = False
    if ignored is None or len(ignored) == 0:
        return region
    if 'masks' in ignored:
        mask = ignored.masks.to_tensor(torch.bool, device).any(dim=0)  # of the unpadded image
        region[:mask.size(0), :mask.size(1)] |= mask[:region.size(0), :region.size(1)]
        return region
    boxes = ignored.bboxes.float().to(device)
    rows = torch.arange(size[0], device=device)[:, None] + 0.5
    columns = torch.arange(size[1], device=device)[:, None] + 0.5
    in_rows = (rows > boxes[:, 1]) & (rows < boxes[:, 3])  # (H, G)
    in_columns = (columns > boxes[:, 0]) & (columns < boxes[:, 2])  # (W, G)
    return region | (in_rows.float() @ in_columns.float().T > 0)


def cell_cover(masks: Tensor, stride: int) -> Tensor:
    """Share (N, h, w) of each cell's pixels that binary masks (N, H, W) cover; the last cells may have fewer pixels."""
    step = max(CHUNK_PIXELS // max(masks.size(1) * masks.size(2), 1), 1)
    shares = [
        F.avg_pool2d(part[:, None].float(), stride, stride, ceil_mode=True, count_include_pad=False)[:, 0]
        for part in masks.split(step)
    ]
    return torch.cat(shares)
