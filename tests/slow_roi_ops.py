"""The RoI operators, transcribed bin by bin from their rules.  Slow, float64, no tricks."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import torch
from torch import Tensor


def _round(x: float) -> int:
    return int(math.copysign(math.floor(abs(x) + 0.5), x))


def _spans(low: float, high: float, scale: Fraction, bins: int, limit: int, box_mode: str) -> list[range]:
    if box_mode == 'inclusive':
        start, end = _round(low) * scale, (_round(high) + 1) * scale
    else:
        start, end = Fraction(low) * scale, Fraction(high) * scale
    size = max(end - start, Fraction(1, 10))
    edges = [start + size * Fraction(p, bins) for p in range(bins + 1)]
    return [range(max(math.floor(a), 0), min(math.ceil(b), limit)) for a, b in pairwise(edges)]


def slow_ps_roi_pool(feats: Tensor, rois: Tensor, output_size: tuple[int, int], group: int, scale: Fraction,
                     box_mode: str) -> Tensor:
    """The rule with exact fractions and a loop over everything; (N, D, P, Q)."""
    rows, cols = output_size
    outputs = feats.size(1) // group**2
    maps = feats.reshape(len(feats), outputs, group, group, *feats.shape[2:])
    out = feats.new_zeros(len(rois), outputs, rows, cols)
    for n, (image, x1, y1, x2, y2) in enumerate(rois.tolist()):
        spans_y = _spans(y1, y2, scale, rows, feats.size(2), box_mode)
        spans_x = _spans(x1, x2, scale, cols, feats.size(3), box_mode)
        for p, ys in enumerate(spans_y):
            for q, xs in enumerate(spans_x):
                if len(ys) and len(xs):
                    window = maps[int(image), :, p * group // rows, q * group // cols,
                                  ys.start:ys.stop, xs.start:xs.stop]
                    out[n, :, p, q] = window.mean((1, 2))
    return out


def random_rois(count: int, images: int, width: float, height: float, seed: int = 0) -> Tensor:
    """RoIs of all sizes, some partly or wholly outside an image of width x height, one a point, one inverted."""
    g = torch.Generator().manual_seed(seed)
    size = torch.tensor([width, height])
    center = (torch.rand(count, 2, generator=g) * 1.4 - 0.2) * size
    half = torch.rand(count, 2, generator=g).square() * size * 0.6
    rois = torch.cat([torch.randint(images, (count, 1), generator=g).float(), center - half, center + half], 1)
    rois[0, 3:] = rois[0, 1:3]  # a point
    rois[1, 1:] = rois[1, [3, 4, 1, 2]]  # inverted
    rois[2, 1:] += 3 * max(width, height)  # far outside
    return rois


def slow_prroi_pool(feats: Tensor, rois: Tensor, output_size: tuple[int, int], scale: float) -> Tensor:
    """The integral pixel by pixel: each pixel's hat function, integrated over the bin along both axes; (N, C, P, Q)."""

    def hat(a: float, b: float, center: int) -> float:
        """Integral of max(0, 1 - |t - centre|) over a .. b, piece by piece."""
        total = 0.0
        for low, high, sign in ((center - 1, center, 1), (center, center + 1, -1)):
            u, v = max(a, low) - center, min(b, high) - center
            if v > u:
                total += (v - u) + sign * (v * v - u * u) / 2
        return total

    rows, cols = output_size
    out = feats.new_zeros(len(rois), feats.size(1), rows, cols)
    for n, (image, *corners) in enumerate(rois.double().tolist()):
        x1, y1, x2, y2 = (corner * scale for corner in corners)
        if x2 <= x1 or y2 <= y1:
            continue
        high, wide = (y2 - y1) / rows, (x2 - x1) / cols
        for p in range(rows):
            for q in range(cols):
                wy = [hat(y1 + p * high, y1 + (p + 1) * high, i) for i in range(feats.size(2))]
                wx = [hat(x1 + q * wide, x1 + (q + 1) * wide, j) for j in range(feats.size(3))]
                weight = torch.tensor(wy)[:, None] * torch.tensor(wx) / (high * wide)
                out[n, :, p, q] = (feats[int(image)] * weight.to(feats)).sum((1, 2))
    return out


def _window(low: Fraction, high: Fraction, index: int, bins: int, limit: int) -> slice:
    step = (high - low) / bins
    start, end = math.floor(index * step + low), math.ceil((index + 1) * step + low)
    return slice(min(max(start, 0), limit), min(max(end, 0), limit))


def slow_roi_pool(feats: Tensor, rois: Tensor, output_size: tuple[int, int], scale: Fraction) -> Tensor:
    """mmcv's rule for max pooling, with exact fractions; (N, C, P, Q)."""
    rows, cols = output_size
    out = feats.new_zeros(len(rois), feats.size(1), rows, cols)
    for n, (image, *corners) in enumerate(rois.tolist()):
        x1, y1, x2, y2 = (Fraction(corner) + more for corner, more in zip(corners, (0, 0, 1, 1), strict=True))
        if x2 <= x1 or y2 <= y1:
            continue
        for p in range(rows):
            for q in range(cols):
                ys = _window(y1 * scale, y2 * scale, p, rows, feats.size(2))
                xs = _window(x1 * scale, x2 * scale, q, cols, feats.size(3))
                window = feats[int(image), :, ys, xs]
                if window[0].numel():
                    out[n, :, p, q] = window.amax((1, 2))
    return out


def slow_crop_and_resize(feats: Tensor, rois: Tensor, output_size: tuple[int, int], scale: float) -> Tensor:
    """TensorFlow's rule sample by sample; (N, C, P, Q)."""
    rows, cols = output_size
    height, width = feats.shape[2:]
    out = feats.new_zeros(len(rois), feats.size(1), rows, cols)
    for n, (image, *corners) in enumerate(rois.double().tolist()):
        x1, y1, x2, y2 = (corner * scale for corner in corners)
        for p in range(rows):
            for q in range(cols):
                y = y1 + p * (y2 - y1) / (rows - 1) if rows > 1 else (y1 + y2) / 2
                x = x1 + q * (x2 - x1) / (cols - 1) if cols > 1 else (x1 + x2) / 2
                if not (0 <= y <= height - 1 and 0 <= x <= width - 1):
                    continue
                top, left = math.floor(y), math.floor(x)
                bottom, right = math.ceil(y), math.ceil(x)
                pixels = feats[int(image)]
                upper = pixels[:, top, left] + (pixels[:, top, right] - pixels[:, top, left]) * (x - left)
                lower = pixels[:, bottom, left] + (pixels[:, bottom, right] - pixels[:, bottom, left]) * (x - left)
                out[n, :, p, q] = upper + (lower - upper) * (y - top)
    return out
