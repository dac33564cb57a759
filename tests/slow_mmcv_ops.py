"""mmcv's operators, transcribed from the rules of its C++ kernels with plain loops over float32 numbers."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

F32 = np.float32


def _greater(a: F32, b: F32) -> F32:
    return b if a < b else a  # C++'s std::max: the first one where either is NaN


def _smaller(a: F32, b: F32) -> F32:
    return b if b < a else a


def overlap(a: np.ndarray, b: np.ndarray, offset: int) -> F32:
    """Intersection over union of two boxes in single precision, step by step."""
    one = F32(offset)
    with np.errstate(all='ignore'):
        areas = [(box[2] - box[0] + one) * (box[3] - box[1] + one) for box in (a, b)]
        width = _greater(F32(0), _smaller(a[2], b[2]) - _greater(a[0], b[0]) + one)
        height = _greater(F32(0), _smaller(a[3], b[3]) - _greater(a[1], b[1]) + one)
        shared = width * height
        return shared / (areas[0] + areas[1] - shared)


def slow_nms_groups(boxes: Tensor, scores: Tensor, threshold: float, offset: int, inclusive: bool) -> list[list[int]]:
    """The greedy rule box by box: each kept box, followed by those it suppresses."""
    table, limit = boxes.float().numpy(), F32(threshold)
    left = scores.sort(0, descending=True)[1].tolist()
    groups = []
    while left:
        best, *left = left
        gone = []
        for other in left:
            value = overlap(table[best], table[other], offset)
            if value > limit or (inclusive and value == limit):
                gone.append(other)
        left = [other for other in left if other not in gone]
        groups.append([best, *gone])
    return groups


def slow_soft_nms(boxes: Tensor, scores: Tensor, threshold: float, sigma: float, least: float, method: str,
                  offset: int) -> tuple[Tensor, Tensor]:
    """Swap the best box to the front, lower the rest, let the last box replace a dropped one."""
    rows = [(box, score, i) for i, (box, score) in enumerate(zip(boxes.numpy(), scores.numpy(), strict=True))]
    first = 0
    while first < len(rows):
        best = first
        for i in range(first + 1, len(rows)):
            if rows[best][1] < rows[i][1]:
                best = i
        rows[first], rows[best] = rows[best], rows[first]
        i = first + 1
        while i < len(rows):
            box, score, index = rows[i]
            score = score * _soft_weight(overlap(rows[first][0], box, offset), threshold, sigma, method)
            rows[i] = box, score, index
            if score < F32(least):
                rows[i] = rows[-1]
                rows.pop()
            else:
                i += 1
        first += 1
    dets = [[*box, score] for box, score, _ in rows]
    return torch.tensor(np.array(dets, F32).reshape(-1, 5)), torch.tensor([index for *_, index in rows]).long()


def _soft_weight(value: F32, threshold: float, sigma: float, method: str) -> F32:
    if method == 'gaussian':
        with np.errstate(all='ignore'):
            return F32(np.exp(np.float64(-(value * value) / F32(sigma))))
    if value >= F32(threshold):
        return F32(0) if method == 'naive' else F32(1) - value
    return F32(1)


def slow_roi_align_max(feats: Tensor, rois: Tensor, size: tuple[int, int], scale: float, ratio: int,
                       aligned: bool) -> Tensor:
    """The largest of the bilinear samples, sample by sample in float64; -10000 without one."""
    out = feats.new_full((len(rois), feats.size(1), *size), -10000)
    for n, (image, *corners) in enumerate(rois.tolist()):
        x1, y1, x2, y2 = (corner * scale - (0.5 if aligned else 0) for corner in corners)
        least = 0 if aligned else 1
        steps = max(y2 - y1, least) / size[0], max(x2 - x1, least) / size[1]
        counts = [ratio or math.ceil(step) for step in steps]
        for p in range(size[0]):
            for q in range(size[1]):
                for i in range(counts[0]):
                    for j in range(counts[1]):
                        y = y1 + (p + (i + 0.5) / counts[0]) * steps[0]
                        x = x1 + (q + (j + 0.5) / counts[1]) * steps[1]
                        sample = _bilinear(feats[int(image)], y, x)
                        out[n, :, p, q] = torch.where(sample > out[n, :, p, q], sample, out[n, :, p, q])
    return out


def _bilinear(maps: Tensor, y: float, x: float) -> Tensor:
    height, width = maps.shape[1:]
    if not (-1 <= y <= height and -1 <= x <= width):
        return maps.new_zeros(len(maps))
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    dy, dx = y - top, x - left
    return ((1 - dy) * ((1 - dx) * maps[:, top, left] + dx * maps[:, top, right]) +
            dy * ((1 - dx) * maps[:, bottom, left] + dx * maps[:, bottom, right]))


def random_boxes(count: int, size: float = 100, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Boxes and scores of all sizes, many of them overlapping."""
    g = torch.Generator().manual_seed(seed)
    center, half = torch.rand(count, 2, generator=g) * size, torch.rand(count, 2, generator=g) * size / 6
    return torch.cat([center - half, center + half], 1), torch.rand(count, generator=g)


def degenerate_boxes(count: int = 90, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Whole-number boxes with equal scores, without area, inverted, huge, not finite; scores that are NaN."""
    boxes, scores = random_boxes(count, 40, seed)
    boxes, scores = boxes.round(), (scores * 5).round() / 5
    boxes[::7, 2] = boxes[::7, 0]
    boxes[3::11, 1] = math.nan
    boxes[1::13, 2] = math.inf
    boxes[2::17] = boxes[2::17][:, [2, 3, 0, 1]]
    boxes[4::23] *= 1e20
    scores[5::19] = math.nan
    return boxes, scores
