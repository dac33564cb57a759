"""FCIS's training rules written down slowly, one RoI, class and pixel at a time, as oracles for the tests.

Transcribed from the rules of msracver/FCIS@309f6c9: proposal_annotator.py, mask_transform.py, box_annotator_ohem.py and
the symbol's losses.
"""

import math

import cv2
import numpy as np


def mask_target(roi, gt_box, mask, size=21, threshold=0.4):
    """(size, size) 0/1: the mask inside RoI and object box, resized with OpenCV."""
    rx1, ry1, rx2, ry2 = np.round(roi).astype(int)
    gx1, gy1, gx2, gy2 = np.round(gt_box).astype(int)
    canvas = np.zeros((max(ry2 - ry1 + 1, 1), max(rx2 - rx1 + 1, 1)), np.float64)
    for y in range(max(ry1, gy1, 0), min(ry2, gy2, mask.shape[0] - 1) + 1):
        for x in range(max(rx1, gx1, 0), min(rx2, gx2, mask.shape[1] - 1) + 1):
            canvas[y - ry1, x - rx1] = mask[y, x]
    return (cv2.resize(canvas, (size, size), interpolation=cv2.INTER_LINEAR) >= threshold).astype(np.int64)


def cropped_mask_target(roi, mask, size=21, threshold=0.4):
    """chainercv's: the half-open RoI cut from the mask itself."""
    x1, y1, x2, y2 = np.round(roi).astype(int)
    crop = mask[y1:max(y2, y1 + 1), x1:max(x2, x1 + 1)].astype(np.float64)
    return (cv2.resize(crop, (size, size), interpolation=cv2.INTER_LINEAR) >= threshold).astype(np.int64)


def box_target(roi, gt, stds=(0.2, 0.2, 0.5, 0.5)):
    """Deltas with widths x2 - x1 + 1."""
    w, h = roi[2] - roi[0] + 1, roi[3] - roi[1] + 1
    gw, gh = gt[2] - gt[0] + 1, gt[3] - gt[1] + 1
    cx, cy = roi[0] + 0.5 * (w - 1), roi[1] + 0.5 * (h - 1)
    gx, gy = gt[0] + 0.5 * (gw - 1), gt[1] + 0.5 * (gh - 1)
    raw = ((gx - cx) / w, (gy - cy) / h, math.log(gw / w), math.log(gh / h))
    return np.array([value / std for value, std in zip(raw, stds, strict=True)])


def iou(a, b):
    """Widths x2 - x1 + 1."""
    w = max(0, min(a[2], b[2]) - max(a[0], b[0]) + 1)
    h = max(0, min(a[3], b[3]) - max(a[1], b[1]) + 1)
    area = sum((x[2] - x[0] + 1) * (x[3] - x[1] + 1) for x in (a, b))
    return w * h / (area - w * h)


def cross_entropy(logits, label):
    """-log softmax(logits)[label]; 0 for the label -1."""
    if label < 0:
        return 0.0
    top = max(logits)
    return math.log(sum(math.exp(v - top) for v in logits)) + top - logits[label]


def roi_losses(cls_logit, mask_logit, box_delta, label, mask_targets, box_targets):
    """Class, mask and box loss of one RoI."""
    cls = cross_entropy(list(cls_logit), label)
    size = mask_targets.shape[-1]
    mask = sum(
        cross_entropy([mask_logit[0, y, x], mask_logit[1, y, x]], mask_targets[y, x])
        for y in range(size) for x in range(size)) / size**2
    box = 0.0
    if label > 0:
        for got, want in zip(box_delta, box_targets, strict=True):
            d = abs(got - want)
            box += 0.5 * d * d if d < 1 else d - 0.5
    return cls, mask, box


def losses(per_roi, labels, normalizer, mask_weight=10.0):
    """Class, mask and box loss of one image."""
    valid = max(sum(label >= 0 for label in labels), 1)
    cls, mask, box = (sum(values) for values in zip(*per_roi, strict=True))
    return cls / valid, mask_weight * mask / normalizer, box / normalizer


def psroi(maps, roi, size, group, stride, convention):
    """Pool (D k k, H, W) of one RoI (x1, y1, x2, y2) to (D, size, size)."""
    channels, height, width = maps.shape

    def span(low, high):
        if convention == 'msracver':
            low, high = math.floor(low + 0.5), math.floor(high + 0.5) + 1
        return low / stride, max((high - low) / stride, 0.1)

    (x0, w), (y0, h) = span(roi[0], roi[2]), span(roi[1], roi[3])
    out = np.zeros((channels // group**2, size, size))
    for p in range(size):
        for q in range(size):
            rows = range(max(0, math.floor(y0 + p * h / size)), min(height, math.ceil(y0 + (p + 1) * h / size)))
            cols = range(max(0, math.floor(x0 + q * w / size)), min(width, math.ceil(x0 + (q + 1) * w / size)))
            for d in range(len(out)):
                channel = (d * group + p * group // size) * group + q * group // size
                values = [maps[channel, y, x] for y in rows for x in cols]
                out[d, p, q] = sum(values) / len(values) if values else 0
    return out
