"""Average recall of boxes whatever their class (mmdet's ``proposal_fast``).

mmdet 3.3's own function stacks arrays of unequal shapes, which numpy >= 1.24
refuses, so the metric is computed here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmseg_plugins.structures.boxes import box_iou


def matched_ious(ious: np.ndarray) -> np.ndarray:
    """IoU (G,) that each of G objects reaches when pairs are taken greedily, the best first; 0 where none is left.

    ``ious`` (G, P) of objects and proposals.
    """
    rest = ious.copy()
    best = np.zeros(len(rest))
    for _ in range(min(rest.shape)):
        g, p = np.unravel_index(int(rest.argmax()), rest.shape)
        best[g] = rest[g, p]
        rest[g, :] = rest[:, p] = -1
    return best


def average_recalls(
    truths: Sequence[np.ndarray],
    boxes: Sequence[np.ndarray],
    scores: Sequence[np.ndarray],
    limits: Sequence[int],
    iou_thrs: np.ndarray,
) -> list[float]:
    """Recall averaged over thresholds, for each limit of boxes per image; 0 without any object.

    Args:
        truths, boxes: per image (G, 4) and (P, 4), x1 y1 x2 y2 in pixels.
        scores: per image (P,).
    """
    values = []
    for limit in limits:
        best = [np.zeros(0)]
        for truth, box, score in zip(truths, boxes, scores, strict=True):
            order = np.argsort(-score, kind='stable')[:limit]
            best.append(matched_ious(box_iou(truth, box[order])))
        reached = np.concatenate(best)
        values.append(float((reached[:, None] >= np.asarray(iou_thrs)).mean()) if reached.size else 0.0)
    return values
