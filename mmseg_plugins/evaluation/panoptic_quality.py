"""Panoptic quality of one image after the other, as pure functions on arrays.

Paper: "Panoptic Segmentation", https://arxiv.org/abs/1801.00868, section 4.
Rules for void and crowd: https://github.com/cocodataset/panopticapi/blob/7bb4655548f98f3fedc07bf37e9040a992b054b0/panopticapi/evaluation.py

Shapes: C classes; counts are (C, 4): sum of IoU over matches, matches (TP), predicted segments without a match (FP),
true segments without a match (FN).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

VOID = 0  # id of true pixels that belong to no segment


class Overlaps(NamedTuple):
    """Pixels of two maps of ids: of each (true, predicted) pair that occurs, of each true and of each predicted id."""

    shared: dict[tuple[int, int], int]
    truth_area: dict[int, int]
    predicted_area: dict[int, int]


def segment_counts(truth: np.ndarray, truth_classes: Mapping[int, int], crowds: frozenset[int], predicted: np.ndarray,
                   predicted_classes: Mapping[int, int], num_classes: int) -> np.ndarray:
    """Match the segments of one image: :func:`count_overlaps`, then :func:`match_segments` with the same arguments.

    Args:
        truth: segment ids (H, W), 0 for void.
        predicted: segment ids (H, W).
        num_classes: C.

    Returns:
        (C, 4) float64.

    Raises:
        ValueError: the two maps differ in size.
    """
    overlaps = count_overlaps(truth, predicted)
    return match_segments(overlaps, truth_classes, crowds, predicted_classes, num_classes)


def match_segments(overlaps: Overlaps, truth_classes: Mapping[int, int], crowds: frozenset[int],
                   predicted_classes: Mapping[int, int], num_classes: int) -> np.ndarray:
    """Match the segments of one image whose shared pixels are counted.

    A true and a predicted segment of one class match when their IoU, with void pixels left out, exceeds 0.5; then no
    other pair can.  A crowd is neither matched nor missed.  A predicted segment without a match counts only when
    no more than half of it lies in void and in crowds of its class.

    Args:
        overlaps: of the true and the predicted ids; true id 0 is void.
        truth_classes: class of each true segment that counts, crowds included.
        crowds: ids of the true segments that stand for many objects.
        predicted_classes: class of each predicted segment; predicted ids that are not in it are void.
        num_classes: C.

    Returns:
        (C, 4) float64.
    """
    shared, truth_area, predicted_area = overlaps
    counts = np.zeros((num_classes, 4))
    matched: set[tuple[str, int]] = set()
    for (true_id, found_id), pixels in shared.items():
        label = truth_classes.get(true_id)
        if label is None or true_id in crowds or predicted_classes.get(found_id) != label:
            continue
        union = truth_area[true_id] + predicted_area[found_id] - pixels - shared.get((VOID, found_id), 0)
        if pixels / union > 0.5:
            counts[label, :2] += pixels / union, 1
            matched |= {('truth', true_id), ('found', found_id)}
    for true_id, label in truth_classes.items():
        counts[label, 3] += true_id not in crowds and ('truth', true_id) not in matched
    for found_id, label in predicted_classes.items():
        if ('found', found_id) in matched or found_id not in predicted_area:
            continue
        same = [true_id for true_id in crowds if truth_classes.get(true_id) == label]
        ignored = sum(shared.get((true_id, found_id), 0) for true_id in [VOID, *same])
        counts[label, 2] += ignored / predicted_area[found_id] <= 0.5
    return counts


def count_overlaps(truth: np.ndarray, predicted: np.ndarray) -> Overlaps:
    """Pixels shared by each pair of ids of two maps (H, W), and the area of each id.

    Pixels are first joined to runs in which neither id changes; only runs are sorted.  Segments have few runs, so
    this is several times faster than sorting pixels, for ids of any size.  On noise, where every pixel is a run, it is
    slower (``mmseg-plugins benchmark panoptic-quality``).

    Raises:
        ValueError: the two maps differ in size.
    """
    if truth.shape != predicted.shape:
        raise ValueError(f'the panoptic ground truth is {truth.shape}, the prediction {predicted.shape}; '
                         'both must be the size of the image')
    if not truth.size:
        return Overlaps({}, {}, {})
    a, b = truth.reshape(-1), predicted.reshape(-1)
    changes = (a[1:] != a[:-1]) | (b[1:] != b[:-1])
    starts = np.concatenate([[0], np.flatnonzero(changes) + 1])
    lengths = np.diff(starts, append=a.size)
    true_ids, true_index = np.unique(a[starts], return_inverse=True)
    found_ids, found_index = np.unique(b[starts], return_inverse=True)
    size = len(true_ids), len(found_ids)
    # Sums of whole numbers below 2^53 are exact in bincount's float64.
    pairs = np.bincount(true_index * size[1] + found_index, weights=lengths, minlength=size[0] * size[1])
    table = pairs.astype(np.int64).reshape(size)
    shared = {(int(true_ids[i]), int(found_ids[j])): int(table[i, j]) for i, j in zip(*np.nonzero(table), strict=True)}
    areas = dict(zip(true_ids.tolist(), table.sum(1).tolist(), strict=True))
    return Overlaps(shared, areas, dict(zip(found_ids.tolist(), table.sum(0).tolist(), strict=True)))


def qualities(counts: np.ndarray) -> np.ndarray:
    """Counts (..., 4) -> PQ, SQ (mean IoU of matches) and RQ (F1 of matches) as (..., 3), 0 where nothing is there."""
    iou, tp, fp, fn = np.moveaxis(np.asarray(counts, np.float64), -1, 0)
    weight = tp + fp / 2 + fn / 2
    recognition = np.divide(tp, weight, out=np.zeros_like(tp), where=weight > 0)
    segmentation = np.divide(iou, tp, out=np.zeros_like(tp), where=tp > 0)
    return np.stack([segmentation * recognition, segmentation, recognition], axis=-1)


def mean_quality(counts: np.ndarray) -> np.ndarray:
    """Mean PQ, SQ and RQ (3,) over the classes (C, 4) that occur in ground truth or prediction; 0 without any."""
    present = counts[:, 1:].sum(1) > 0
    return qualities(counts[present]).mean(0) if present.any() else np.zeros(3)
