"""From a map of instance numbers to masks in the pixels of the image, in bounded memory.

Shapes: K instances, h x w cells of the map, H x W pixels of the wanted frame.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.structures import InstanceData
from torch import Tensor

from mmseg_plugins.structures.masks import mask_boxes

from .ranking import best_indices

CHUNK_PIXELS = 2**23  # resized at a time: 32 MB


def instances_of_label_map(label_map: Tensor, scores: Tensor, labels: Tensor, stride: int, img_shape: Sequence[int],
                           out_size: tuple[int, int]) -> InstanceData:
    """Masks, tight boxes, scores and labels of the instances, best first.

    Each instance's cells are resized bilinearly to input pixels, cut to the image without its padding, resized to the
    wanted frame, and cut at one half; a map that already has the frame's pixels is taken as it is.

    Args:
        label_map: (h, w), 0 = none, k + 1 = instance k.
        scores: (K,).
        labels: (K,) classes from 0.
        stride: Input pixels a cell.
        img_shape: Height and width in input pixels without padding.
        out_size: H, W of the wanted frame.

    Returns:
        ``masks`` (n, H, W) bool, ``bboxes`` (n, 4) x1 y1 x2 y2, ``scores``, ``labels``; instances without a pixel are
        left out.
    """
    order = best_indices(scores)
    height, width = int(img_shape[0]), int(img_shape[1])
    masks = torch.zeros((len(order), *out_size), dtype=torch.bool, device=label_map.device)
    cells = max(label_map.numel() * stride**2, out_size[0] * out_size[1])
    step = max(CHUNK_PIXELS // cells, 1)
    for start in range(0, len(order), step):
        soft = (label_map == order[start:start + step, None, None] + 1)[:, None].float()
        if stride != 1:
            soft = F.interpolate(soft, scale_factor=stride, mode='bilinear', align_corners=False)
        soft = soft[..., :height, :width]
        if soft.shape[-2:] != tuple(out_size):
            soft = F.interpolate(soft, size=out_size, mode='bilinear', align_corners=False)
        masks[start:start + step] = soft[:, 0] > 0.5
    boxes = mask_boxes(masks)
    kept = boxes[:, 2] > 0
    return InstanceData(masks=masks[kept], bboxes=boxes[kept], scores=scores[order][kept], labels=labels[order][kept])


def keep_best(label_map: Tensor, scores: Tensor, labels: Tensor, limit: int) -> tuple[Tensor, Tensor, Tensor]:
    """The ``limit`` instances with the highest scores (not above 0: all), best first, numbered anew: (h, w), (n,),
    (n,)."""
    order = best_indices(scores, limit)
    number = torch.zeros(len(scores) + 1, dtype=torch.long, device=label_map.device)
    number[order + 1] = torch.arange(1, len(order) + 1, device=label_map.device)
    return number[label_map], scores[order], labels[order]
