"""CutMix: boxes of one image pasted into another.

Paper: "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features",
https://arxiv.org/abs/1905.04899; for segmentation without labels "Semi-supervised semantic segmentation needs strong,
varied perturbations", BMVC 2020, https://arxiv.org/abs/1906.01916, whose boxes these are.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def cut_boxes(number: int, height: int, width: int, share: float = 0.5) -> list[tuple[int, int, int, int]]:
    """Boxes (y1, x1, y2, x2) in px, end exclusive, that cover ``share`` of an image of height x width px.

    The logarithm of a box's height is uniform between those of ``share * height`` and ``height``; its place is uniform.
    Drawn from torch's generator of the CPU, whatever device the images are on.
    """
    boxes = []
    for ratio, vertical, horizontal in torch.rand(number, 3).tolist():
        part = share**ratio  # of the height
        h, w = round(height * part), round(width * share / part)
        y, x = int(vertical * (height - h + 1)), int(horizontal * (width - w + 1))
        boxes.append((y, x, y + h, x + w))
    return boxes


def paste(maps: Tensor, boxes: list[tuple[int, int, int, int]]) -> Tensor:
    """Each map with a box of the one before it; the first gets that of the last.

    Args:
        maps: (N, ..., H, W).
        boxes: N of them.
    """
    mixed = maps.clone()
    for index, (y1, x1, y2, x2) in enumerate(boxes):
        mixed[index, ..., y1:y2, x1:x2] = maps[index - 1, ..., y1:y2, x1:x2]
    return mixed


def sigmoid_ramp(step: int, length: int) -> float:
    """``exp(-5 (1 - step / length)^2)`` up to ``length`` steps and 1 from there; 1 without a length.

    "Temporal Ensembling for Semi-Supervised Learning", https://arxiv.org/abs/1610.02242.
    """
    return math.exp(-5 * (1 - step / length)**2) if step < length else 1.0
