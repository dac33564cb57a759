"""Which annotations contradict a trained model: missing, extra, of a wrong class, badly drawn; the most doubtful first.

The kinds are those of ObjectLab (Tkachenko et al. 2023, "ObjectLab: Automated Diagnosis of Mislabeled Images in Object
Detection Data", arXiv:2309.00832: overlooked, swapped, badly located), with annotations that nothing supports as a
fourth.  Its scores are for boxes; those here are for masks and are measured against what the model usually reaches:
an object of a class that the model seldom finds is no finding because it was not found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mmseg_plugins.structures.masks import mask_box
from mmseg_plugins.structures.rle import iter_masks
from mmseg_plugins.visualization.samples import Instances, instance_overlaps

KINDS = ('missing', 'extra', 'wrong class', 'badly drawn')
TOUCH, SAME = 0.1, 0.5  # IoU from which two instances have to do with each other, and are the same object
EDGE = 2.0  # px from a region's edge; thinner ones are where outlines are never agreed on
SMALL = 0.001  # share of the image at which a region's suspicion is halved


@dataclass(frozen=True)
class Finding:
    """An annotation, or a place without one, that contradicts the model.

    Attributes:
        kind: One of :data:`KINDS`.
        suspicion: 0..1.
        image: Name of the image.
        box: Where, half-open x1 y1 x2 y2 in px.
        labeled: Class of the annotation; of a label map the annotated class there; '' where nothing is annotated.
        predicted: Class that the model sees there, '' for nothing.
        number: Of the annotation in its image, from 0; None where there is none, and for label maps.
        score: Of the prediction, 0..1.
        iou: Of annotation and prediction; of label maps the share of the smaller of both regions that differs.
    """

    kind: str
    suspicion: float
    image: str
    box: tuple[int, int, int, int]
    labeled: str
    predicted: str
    number: int | None
    score: float
    iou: float


@dataclass(frozen=True)
class _Match:
    """Overlaps of one image: M annotations, N predictions."""

    name: str
    truth: Instances
    found: Instances
    iou: np.ndarray  # (M, N)
    support: np.ndarray  # (M, N): score x IoU
    same: np.ndarray  # (M, N): whether the classes are equal

    def best(self, same: bool) -> tuple[np.ndarray, np.ndarray]:
        """Support (M,) of the best prediction of the annotation's class (or of another), and its index (M,)."""
        support = np.where(self.same == same, self.support, 0)
        return support.max(axis=1, initial=0), support.argmax(axis=1) if support.size else np.zeros(len(support), int)


def rank_instances(
    images: Mapping[str, tuple[Instances, Instances]],
    classes: Sequence[str],
    ignored: Mapping[str, np.ndarray] | None = None,
) -> list[Finding]:
    """Findings of annotated and predicted instances, the most suspicious first.

    Support of an annotation is the largest score x IoU of a prediction of its class.

    * extra: nothing overlaps it; suspicion is the support that three quarters of its class reach, minus its own.
    * wrong class: the best prediction has another class and IoU >= 0.5; by how much its score x IoU
      exceeds the support, minus what a quarter of its class exceeds (the usual confusion).
    * badly drawn: score x (IoU that three quarters of its class reach, minus its own).
    * missing: a prediction that is the best of no annotation; score x share of it that no annotation covers.

    Args:
        images: Name -> annotated instances and predicted ones (with scores).
        classes: Names.
        ignored: Name -> bool per annotation that is a crowd: none is a finding, and what lies in one is not missing.
    """
    matches = [_match(name, *pair) for name, pair in images.items()]
    hidden = {match.name: np.zeros(len(match.truth.labels), bool) for match in matches} | dict(ignored or {})
    usual = _usual(matches, hidden, len(classes))
    findings = []
    for match in matches:
        findings += _annotated(match, hidden[match.name], classes, usual)
        findings += _missing(match, classes)
    return sorted(findings, key=lambda finding: (-finding.suspicion, finding.image, finding.box))


def _match(name: str, truth: Instances, found: Instances) -> _Match:
    iou = instance_overlaps(truth, found)
    scores = np.ones(len(found.labels)) if found.scores is None else found.scores
    return _Match(name, truth, found, iou, iou * scores, truth.labels[:, None] == found.labels[None])


@dataclass(frozen=True)
class _Usual:
    """What three quarters of each class's annotations reach: support, IoU where found, support of other classes."""

    support: np.ndarray
    quality: np.ndarray
    confusion: np.ndarray


def _usual(matches: Sequence[_Match], hidden: Mapping[str, np.ndarray], number: int) -> _Usual:
    support: list[list[float]] = [[] for _ in range(number)]
    quality: list[list[float]] = [[] for _ in range(number)]
    confusion: list[list[float]] = [[] for _ in range(number)]
    for match in matches:
        values, index = match.best(True)
        others, _ = match.best(False)
        for row in np.flatnonzero(~hidden[match.name]):
            label = int(match.truth.labels[row])
            support[label].append(float(values[row]))
            confusion[label].append(max(0.0, float(others[row] - values[row])))
            if values[row] > 0:
                quality[label].append(float(match.iou[row, index[row]]))
    return _Usual(_quantile(support, 0.25), _quantile(quality, 0.25), _quantile(confusion, 0.75))


def _quantile(values: Sequence[Sequence[float]], share: float) -> np.ndarray:
    return np.array([np.quantile(one, share) if one else 0.0 for one in values])


def _annotated(match: _Match, hidden: np.ndarray, classes: Sequence[str], usual: _Usual) -> list[Finding]:
    """Findings about the annotations of one image."""
    support, same = match.best(True)
    others, other = match.best(False)
    findings = []
    for row in np.flatnonzero(~hidden).tolist():
        label = int(match.truth.labels[row])
        near = match.iou[row].max(initial=0)
        if others[row] > support[row] and match.iou[row, other[row]] >= SAME:
            kind, column = 'wrong class', int(other[row])
            suspicion = max(0.0, others[row] - support[row] - usual.confusion[label])
        elif support[row] > 0 and match.iou[row, same[row]] >= TOUCH:
            column = int(same[row])
            kind = 'badly drawn'
            suspicion = _score(match, column) * max(0.0, usual.quality[label] - match.iou[row, column])
        elif near < SAME:
            kind, column, suspicion = 'extra', -1, max(0.0, usual.support[label] - support[row])
        else:  # another class overlaps it, with less support than its own has
            continue
        findings.append(Finding(
            kind, float(suspicion), match.name, _box(match.truth, row), classes[label],
            classes[int(match.found.labels[column])] if column >= 0 else '', row,
            _score(match, column) if column >= 0 else 0.0, float(match.iou[row, column]) if column >= 0 else 0.0))
    return [finding for finding in findings if finding.suspicion > 0]


def _missing(match: _Match, classes: Sequence[str]) -> list[Finding]:
    """Predictions of one image that no annotation accounts for."""
    covered = instance_overlaps(match.found, match.truth, within=True).max(axis=1, initial=0)
    best = [(row, int(column)) for same in (True, False) for row, column in enumerate(match.best(same)[1])]
    taken = {column for row, column in best if match.iou.size
             and match.iou[row, column] >= (TOUCH if match.same[row, column] else SAME)}
    findings = []
    for column in sorted(set(range(len(match.found.labels))) - taken):
        iou = float(match.iou[:, column].max(initial=0))
        suspicion = _score(match, column) * (1 - covered[column])
        if iou < SAME and suspicion > 0:
            findings.append(Finding('missing', float(suspicion), match.name, _box(match.found, column), '',
                                    classes[int(match.found.labels[column])], None, _score(match, column), iou))
    return findings


def _score(match: _Match, column: int) -> float:
    return 1.0 if match.found.scores is None else float(match.found.scores[column])


def _box(instances: Instances, index: int) -> tuple[int, int, int, int]:
    if instances.masks is None:
        x1, y1, x2, y2 = instances.boxes[index]
        return int(x1), int(y1), int(np.ceil(x2)), int(np.ceil(y2))
    return mask_box(next(iter_masks(instances.masks[index:index + 1]))) or (0, 0, 0, 0)


def rank_labels(name: str, truth: np.ndarray, probabilities: np.ndarray, classes: Sequence[str],
                ignore_index: int = 255) -> list[Finding]:
    """Findings of one label map, the most suspicious first.

    Where the annotated class differs from the predicted one, connected regions that are thicker than an uncertain
    edge are findings.  What a region covers by more than half tells its kind: the annotated part and the predicted
    part it lies in: wrong class; the predicted part alone: missing; the annotated one alone: extra; none: badly drawn.
    Suspicion is the mean of (probability of the predicted class - that of the annotated one), x the share of the
    smaller part that the region covers, x area / (area + a thousandth of the image).

    Args:
        truth: (H, W) class numbers and ``ignore_index``.
        probabilities: (C, H, W), that sum to 1.
        classes: C names.
    """
    predicted = probabilities.argmax(axis=0)
    known = (truth != ignore_index) & (truth >= 0) & (truth < len(classes))
    differ = known & (truth != predicted)
    findings = []
    pairs = np.unique(np.stack([truth[differ], predicted[differ]]), axis=1).T if differ.any() else []
    for annotated, seen in ((int(a), int(b)) for a, b in pairs):
        margin = probabilities[seen] - probabilities[annotated]
        regions = _parts(differ & (truth == annotated) & (predicted == seen))
        own, other = _parts(truth == annotated), _parts(known & (predicted == seen))
        for region in range(1, int(regions.max()) + 1):
            mask = regions == region
            box = mask_box(mask) or (0, 0, 0, 0)
            crop = np.pad(mask[box[1]:box[3], box[0]:box[2]].astype(np.uint8), 1)
            if cv2.distanceTransform(crop, cv2.DIST_L2, 3).max() <= EDGE:
                continue
            area = int(mask.sum())
            shares = [area / int(np.count_nonzero(parts == parts[mask][0])) for parts in (own, other)]
            kind = {(True, True): 'wrong class', (False, True): 'missing', (True, False): 'extra',
                    (False, False): 'badly drawn'}[shares[0] > SAME, shares[1] > SAME]
            suspicion = float(margin[mask].mean()) * max(shares) * area / (area + SMALL * truth.size)
            findings.append(Finding(kind, suspicion, name, box, classes[annotated], classes[seen], None,
                                    float(probabilities[seen][mask].mean()), max(shares)))
    return sorted(findings, key=lambda finding: (-finding.suspicion, finding.box))


def _parts(mask: np.ndarray) -> np.ndarray:
    """Number (H, W) of the connected part that a pixel belongs to, from 1; 0 outside."""
    return np.asarray(cv2.connectedComponents(mask.astype(np.uint8))[1])
