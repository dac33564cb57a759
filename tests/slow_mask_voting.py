"""Mask voting of FCIS, one RoI and one pixel array at a time, as the two originals do it: an oracle for tests.

Written from their descriptions: msracver/FCIS 309f6c9 (cpu_mask_voting) and chainer/chainercv 7159616 (mask_voting).
"""

import cv2
import numpy as np


def slow_voting(boxes, masks, scores, image_shape, *, convention, nms_iou=0.3, merge_iou=0.5, binary_thr=0.4,
                max_per_image=100, score_thr=1e-3):
    """dict of boxes (M, 4), scores (M,), labels (M,) from 0, masks (M, S, S); ``scores`` (N, C) without background."""
    inclusive = convention == 'msracver'
    extra = 1 if inclusive else 0
    chosen = []
    for label in range(scores.shape[1]):
        kept = []
        for i in np.argsort(-scores[:, label], kind='stable'):
            overlaps = [slow_iou(boxes[i], boxes[j], extra) for j in kept]
            if all(iou <= nms_iou if inclusive else iou < nms_iou for iou in overlaps):
                kept.append(i)
        chosen.append(kept[:max_per_image] if inclusive else kept)
    ranked = sorted((scores[i, label] for label, kept in enumerate(chosen) for i in kept), reverse=True)
    least = max(ranked[min(len(ranked), max_per_image) - 1], score_thr)
    found = dict(boxes=[], scores=[], labels=[], masks=[])
    for label, kept in enumerate(chosen):
        for i in kept:
            if scores[i, label] < least:
                continue
            canvas = slow_canvas(boxes, masks, scores[:, label], i, image_shape, extra, merge_iou, binary_thr)
            rows, columns = np.nonzero(canvas >= binary_thr)
            if len(rows) == 0 and not inclusive:
                continue
            if len(rows) == 0:
                rows, columns = np.array([image_shape[0] // 2]), np.array([image_shape[1] // 2])
            x1, y1, x2, y2 = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
            soft = cv2.resize(canvas[y1:y2, x1:x2].astype(np.float32), masks.shape[1:])
            found['boxes'].append([x1, y1, x2 - extra, y2 - extra])
            found['masks'].append(soft if inclusive else np.clip(soft, 0, 1))
            found['scores'].append(scores[i, label])
            found['labels'].append(label)
    return {key: np.array(values) for key, values in found.items()}


def slow_canvas(boxes, masks, scores, kept, image_shape, extra, merge_iou, binary_thr):
    """Weighted sum (H, W) of the binary masks of all RoIs around box ``kept``."""
    voters = [j for j in range(len(boxes)) if slow_iou(boxes[j], boxes[kept], extra) >= merge_iou]
    total = scores[voters].sum()
    canvas = np.zeros(image_shape)
    for j in voters:
        x1, y1, x2, y2 = np.round(boxes[j]).astype(int) + np.array([0, 0, extra, extra])
        if x2 > x1 and y2 > y1:
            canvas[y1:y2, x1:x2] += (cv2.resize(masks[j], (x2 - x1, y2 - y1)) >= binary_thr) * (scores[j] / total)
    return canvas


def slow_iou(a, b, extra):
    """IoU of two boxes, widths x2 - x1 + extra."""
    width = min(a[2], b[2]) - max(a[0], b[0]) + extra
    height = min(a[3], b[3]) - max(a[1], b[1]) + extra
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0] + extra) * (box[3] - box[1] + extra) for box in (a, b)]
    return width * height / (sum(areas) - width * height)


def slow_paste(boxes, masks, image_shape, convention, binary_thr=0.4):
    """(M, H, W) bool: each mask resized into its rounded box and compared."""
    inclusive = convention == 'msracver'
    pasted = np.zeros((len(boxes), *image_shape), bool)
    for out, box, soft in zip(pasted, boxes, masks, strict=True):
        x1, y1, x2, y2 = np.round(box).astype(int) + np.array([0, 0, inclusive, inclusive])
        resized = cv2.resize(soft.astype(np.float32), (int(x2 - x1), int(y2 - y1)))
        out[y1:y2, x1:x2] = resized >= binary_thr if inclusive else resized > binary_thr
    return pasted
