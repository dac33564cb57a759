"""Choose the parameters of a dense CRF on some images, as DeepLab's authors did: a grid, scored by mean IoU.

Shapes: C classes, H x W pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mmseg_plugins.models.crf.crf_presets import CRFParams, resolve_params
from mmseg_plugins.models.crf.dense_crf import dense_crf


class Example(NamedTuple):
    """One image: ``probabilities`` (C, H, W), ``image`` (3, H, W) RGB in 0..255, ``label`` (H, W) with 255 for void."""

    probabilities: Tensor
    image: Tensor
    label: Tensor


def grid(start: str, values: Mapping[str, Sequence[Any]]) -> list[CRFParams]:
    """All combinations of ``values`` (parameter -> values to try), the others as in the preset ``start``.

    Raises:
        ValueError: no such preset or parameter.
    """
    return [resolve_params(start, dict(zip(values, chosen, strict=True))) for chosen in product(*values.values())]


def count_pixels(predicted: Tensor, label: Tensor, classes: int, ignore_index: int = 255) -> Tensor:
    """Confusion matrix (C, C) in int64, rows the label."""
    counted = label != ignore_index
    index = label[counted].long() * classes + predicted[counted].long()
    return torch.bincount(index, minlength=classes**2).view(classes, classes)


def mean_iou(confusion: Tensor) -> float:
    """Mean over the classes that occur, in percent, as mmseg's ``IoUMetric``."""
    overlap = confusion.diagonal().double()
    union = confusion.sum(0) + confusion.sum(1) - confusion.diagonal()
    return 100 * (overlap / union)[union > 0].mean().item()


@torch.no_grad()
def score_params(examples: Iterable[Example], candidates: Sequence[CRFParams]) -> tuple[float, list[float]]:
    """Mean IoU without a CRF, and with each of the candidates."""
    examples = list(examples)
    classes = len(examples[0].probabilities)
    tables = torch.zeros(len(candidates) + 1, classes, classes, dtype=torch.int64)
    for example in examples:
        tables[0] += count_pixels(example.probabilities.argmax(0), example.label, classes)
        for number, params in enumerate(candidates, start=1):
            marginals = dense_crf(example.probabilities[None], example.image[None], params)[0]
            tables[number] += count_pixels(marginals.argmax(0), example.label, classes)
    plain, *scores = (mean_iou(table) for table in tables)
    return plain, scores
