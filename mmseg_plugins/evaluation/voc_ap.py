"""Average precision by the rules of PASCAL VOC, on masks: pure numpy functions.

Letters: N detections, G objects of one image; T IoU thresholds.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

MODES = ('11points', 'area')
FALSE, TRUE, IGNORED = 0, 1, 2


class Curve(NamedTuple):
    """Recall and precision (N,) after each detection by falling score, and the number of objects."""

    recall: np.ndarray
    precision: np.ndarray
    objects: int


def match_image(iou: np.ndarray, scores: np.ndarray, ignored: np.ndarray, iou_thrs: np.ndarray) -> np.ndarray:
    """Judge the detections of one class in one image.

    By falling score each detection takes the object it overlaps most, taken or not.  It is right when the IoU reaches
    the threshold and the object was not taken before; a second detection of an object is wrong even when it overlaps
    another one enough.  A detection of an ignored object is neither right nor wrong.

    Args:
        iou: (N, G).
        scores: (N,); equal ones are taken in their order.
        ignored: (G,) bool.
        iou_thrs: (T,).

    Returns:
        (T, N) int8 of ``FALSE``, ``TRUE`` or ``IGNORED``, in the order of the arguments.
    """
    number = len(scores)
    verdicts = np.full((len(iou_thrs), number), FALSE, np.int8)
    if number == 0 or iou.shape[1] == 0:
        return verdicts
    order = np.argsort(-scores, kind='stable')
    nearest = iou.argmax(axis=1)[order]
    overlap = iou.max(axis=1)[order]
    for verdict, threshold in zip(verdicts, iou_thrs, strict=True):
        hits = np.flatnonzero(overlap >= threshold)
        _, first = np.unique(nearest[hits], return_index=True)
        verdict[order[hits[first]]] = TRUE
        verdict[order[hits[ignored[nearest[hits]]]]] = IGNORED
    return verdicts


def precision_recall(scores: np.ndarray, verdicts: np.ndarray, objects: int) -> Curve:
    """Curve of one class over all images, ignored detections left out.

    Args:
        scores: (N,) in the order of the images; equal ones keep it.
        verdicts: (N,) of :func:`match_image`, at one threshold.
        objects: number of objects that are not ignored.
    """
    order = np.argsort(-scores, kind='stable')
    sorted_verdicts = verdicts[order]
    right = np.cumsum(sorted_verdicts == TRUE)
    wrong = np.cumsum(sorted_verdicts == FALSE)
    recall = right / objects if objects else np.full(len(right), np.nan)
    return Curve(recall, right / np.maximum(right + wrong, np.finfo(np.float64).eps), objects)


def average_precision(curve: Curve, mode: str = '11points') -> float:
    """AP in [0, 1]; nan for a class without an object.

    Args:
        mode: ``11points``: mean of the best precision at a recall of at least 0, .1, ..., 1 (VOC 2007, and SDS and FCIS
            on any year); ``area``: area below the curve made monotonous (VOC since 2010).
    """
    if mode not in MODES:
        raise ValueError(f'mode must be one of {MODES}, got {mode!r}')
    if curve.objects == 0:
        return float('nan')
    recall, precision = curve.recall, curve.precision
    if mode == '11points':
        # The original's steps, rounding included: 3 * 0.1 is a little more than 0.3.
        steps = np.arange(0.0, 1.1, 0.1)
        return float(np.mean([precision[recall >= step].max(initial=0.0) for step in steps]))
    recall = np.concatenate(([0.0], recall, [1.0]))
    precision = np.concatenate(([0.0], precision, [0.0]))
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall) * envelope[1:]))
