"""One panoptic map of an instance model's masks and a semantic model's label map, as a pure function.

Paper: "Panoptic Segmentation", https://arxiv.org/abs/1801.00868, section 7; rules and defaults of
https://github.com/cocodataset/panopticapi/blob/7bb4655548f98f3fedc07bf37e9040a992b054b0/combine_semantic_and_instance_predictions.py

Shapes: N instances, H x W pixels.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

INSTANCE_OFFSET = 1000  # mmdet writes class + 1000 * instance into every pixel; stuff has instance 0


def merge_panoptic(masks: Tensor, labels: Tensor, scores: Tensor, semantic: Tensor, stuff: Mapping[int, int], *,
                   void: int, score_thr: float, overlap_thr: float, stuff_area_limit: int) -> Tensor:
    """Lay the instances over each other, best score first, and fill what is left with stuff.

    1. Instances below ``score_thr`` are left out.  Of equal scores the first comes first.
    2. An instance of which more than ``overlap_thr`` is covered already is left out; else it gets its free pixels.
    3. A free pixel becomes the stuff class that the label map has there.  A stuff class with fewer than
       ``stuff_area_limit`` free pixels is left out.  All other pixels are void.

    Example: a mask of 10 pixels, 4 of them covered, gets 6 at 0.5 and none at 0.3.

    Args:
        masks: (N, H, W) bool.
        labels: (N,) classes of things.
        scores: (N,).
        semantic: (H, W), classes of the semantic model.
        stuff: class of the semantic model -> class in the result, of the stuff; all others are no stuff.
        void: what pixels without a segment get.

    Returns:
        (H, W) int32: class + 1000 * instance, the instance 1, 2, ... for things and 0 for stuff.

    Raises:
        ValueError: masks and label map differ in size.
    """
    if masks.shape[-2:] != semantic.shape:
        sizes = [' x '.join(map(str, one.shape[-2:])) for one in (masks, semantic)]
        raise ValueError(f'the masks are {sizes[0]}, the label map {sizes[1]}; both must be the size of the image. '
                         'Fix: a test pipeline of the semantic model that leaves ori_shape to the image')
    result = torch.full(semantic.shape, void, dtype=torch.int32, device=masks.device)
    free = torch.ones_like(result, dtype=torch.bool)
    instance = 0
    order = torch.argsort(scores, descending=True, stable=True)
    for index in order[scores[order] >= score_thr].tolist():
        mask = masks[index].bool()
        part = mask & free
        area, left = int(mask.sum()), int(part.sum())
        if not left or (area - left) / area > overlap_thr:
            continue
        instance += 1
        result[part] = int(labels[index]) + INSTANCE_OFFSET * instance
        free &= ~part
    semantic = semantic.to(masks.device)
    for source, target in stuff.items():
        part = (semantic == source) & free
        if int(part.sum()) >= max(1, stuff_area_limit):
            result[part] = target
    return result
