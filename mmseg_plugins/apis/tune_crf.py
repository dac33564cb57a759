"""Choose the parameters of a dense CRF on some images, as DeepLab's authors did: a grid, scored by mean IoU.

Shapes: C classes, H x W pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mmseg_plugins.apis.inference import Predictor
from mmseg_plugins.config.build import build_dataset
from mmseg_plugins.models.crf import DenseCRFPostProcess
from mmseg_plugins.models.crf.crf_presets import CRFParams, resolve_params
from mmseg_plugins.models.crf.dense_crf import dense_crf
from mmseg_plugins.structures.images import read_image
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.progress import track


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


def parse_grid(words: Sequence[str]) -> dict[str, list[float]]:
    """``['bilateral_sxy=20,40']`` -> ``{'bilateral_sxy': [20, 40]}``.

    Raises:
        UserError: a word of another form.
    """
    values: dict[str, list[float]] = {}
    for word in words:
        name, _, numbers = word.partition('=')
        try:
            values[name] = [int(number) if number.isdigit() else float(number) for number in numbers.split(',')]
        except ValueError as error:
            raise UserError(f'--grid {word}: write NAME=number,number, e.g. bilateral_sxy=20,40') from error
    return values


def read_examples(config: str, checkpoint: str, number: int, device: str,
                  cfg_options: Mapping[str, Any] | None) -> list[Example]:
    """Run a segmentor on images spread over its validation set.

    Raises:
        UserError: config or checkpoint cannot be used, or the config is not semantic.
    """
    predictor = Predictor(config, checkpoint, device, cfg_options=cfg_options)
    predictor.post_process = None  # the network's own scores are what a CRF starts from
    if not predictor.semantic:
        raise UserError(f'{config} is no semantic config (default_scope mmseg): it has no label maps to score.',
                        fix='name the config of a segmentor.')
    dataset = build_dataset(predictor.cfg, 'val')
    step = max(1, len(dataset) // number)
    scores, examples = DenseCRFPostProcess(), []
    for index in track(list(range(0, len(dataset), step))[:number], description='Network'):
        path = dataset.get_data_info(index)['img_path']
        sample = predictor(path)
        label = dataset[index]['data_samples'].gt_sem_seg.data[0]
        image = torch.from_numpy(read_image(path)[..., ::-1].transpose(2, 0, 1).copy())  # BGR -> RGB
        examples.append(Example(scores.probabilities(sample, predictor.model), image, label))
    return examples


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
