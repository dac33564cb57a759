"""Truth of one image as maps: which instance and which class each cell shows, and what is unknown.

Shapes: G objects, H x W input pixels (padding included), h x w cells of ``stride`` px.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.structures import InstanceData
from torch import Tensor

IGNORED = 255


def instance_maps(truth: InstanceData,
                  unknown: Tensor,
                  stride: int,
                  class_agnostic: bool = False) -> tuple[Tensor, Tensor]:
    """Instance and class of the pixel in the middle of each cell.

    Where objects overlap, the smaller one is in front.

    Args:
        truth: ``masks`` (G, H, W) and ``labels`` (G,) from 0.
        unknown: (H, W) bool, see :func:`unknown_region`.
        stride: Pixels a cell.
        class_agnostic: All objects are of class 1.

    Returns:
        ids (h, w) long, 0 = no object or unknown, g + 1 = object g; and classes (h, w) long, 0 = background,
        label + 1, ``IGNORED`` = unknown where no object is.  h = H / stride, rounded up.
    """
    device = unknown.device
    unknown = _subsample(unknown, stride)
    ids = torch.zeros(unknown.shape, dtype=torch.long, device=device)
    if len(truth):
        masks = _subsample(truth.masks.to_tensor(torch.bool, device), stride)  # (G, h, w)
        areas = masks.flatten(1).sum(1)
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
    """Pixels (H, W) that say nothing: padding behind ``img_shape``, and objects to be ignored (their masks if there are
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


def _subsample(x: Tensor, stride: int) -> Tensor:
    """The pixel in the middle of each cell (of the last one: the last there is), (..., H, W) -> (..., h, w)."""
    for dim in (-2, -1):
        size = x.size(dim)
        index = torch.arange(-(-size // stride), device=x.device) * stride + stride // 2
        x = x.index_select(dim, index.clamp(max=size - 1))
    return x
