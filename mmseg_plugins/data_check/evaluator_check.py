"""What a data set and its evaluator must agree on, and whether wrappers and ``indices`` leave anything of a set."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from mmseg_plugins.config.loading_steps import step_name
from mmseg_plugins.data_check.check_report import DatasetReport
from mmseg_plugins.data_check.coco_check import CocoSource
from mmseg_plugins.data_check.coco_structure import shorten
from mmseg_plugins.structures.coco_json import read_coco
from mmseg_plugins.utils.errors import UserError

#: Metrics that compare predictions with the COCO file that they name.
_METRICS = ('CocoMetric', 'FastCocoMetric', 'MaskRecallMetric')


def wrapper_problem(dataset: Any, place: str) -> str | None:
    """What is wrong with the wrappers around data sets; None where nothing is."""
    if isinstance(dataset, (list, tuple)):
        return (f'{place} is a {type(dataset).__name__}. Rule: it is one data set. Fix: '
                "dict(type='ConcatDataset', datasets=[...]).")
    if not isinstance(dataset, Mapping):
        return None
    times = dataset.get('times', 1)
    if 'dataset' in dataset and (type(times) is not int or times < 1):
        return f'{place}.times = {times!r}. Rule: a whole number from 1. Fix: times=1.'
    parts = dataset.get('datasets')
    if parts is None:
        return wrapper_problem(dataset.get('dataset'), f'{place}.dataset')
    if not isinstance(parts, (list, tuple)) or not parts:
        return f'{place}.datasets = {parts!r:.60}. Rule: a list of data sets. Fix: name one at least.'
    problems = (wrapper_problem(part, f'{place}.datasets[{number}]') for number, part in enumerate(parts))
    return next(filter(None, problems), None)


def check_indices(report: DatasetReport, indices: Any) -> None:
    """Add an error where ``indices`` of a data set, a number or a list of numbers, leave nothing or reach too far."""
    number = report.images if report.kept_images is None else report.kept_images
    if type(indices) is int:
        if indices == 0:
            report.errors.append('indices = 0 takes no image. Fix: how many of the first images, or a list.')
        return
    if not isinstance(indices, (list, tuple)) or not all(type(index) is int for index in indices):
        report.errors.append(f'indices = {indices!r:.60}. Rule: a whole number, or a list of them. Fix: indices=100.')
        return
    far = [index for index in indices if not -number <= index < number]
    if far or not indices:
        report.errors.append(f'indices {far[:5]} are beyond the {number} images that are used. Rule: at least one, '
                             'each below that number. Fix: correct them.')


def check_evaluator(report: DatasetReport, source: CocoSource, evaluators: Any, dataset: Mapping[str, Any]) -> None:
    """Add errors where a metric's COCO file lacks what the data set has, and a warning where it has more images."""
    split, indices = source.name.split('[')[0], dataset.get('indices')
    last = (dataset.get('pipeline') or [{}])[-1]
    for metric, path in _named_files(evaluators):
        if step_name(last) == 'PackDetInputs' and 'img_id' not in last.get('meta_keys', ('img_id',)):
            report.errors.append(f"the pipeline of {split}: meta_keys of PackDetInputs lack 'img_id', by which "
                                 f"{metric} knows an image. Fix: add 'img_id'.")
        if os.path.normpath(path) == os.path.normpath(source.ann_file):
            if indices is not None:
                report.warnings.append(
                    f'indices take a part of the images, and {metric} compares with all that {path} lists: '
                    'objects of the others count as missed. Fix: a JSON of these images, without indices.')
            continue
        try:
            content = read_coco(path).content
        except UserError as error:
            report.errors.append(f'{split}_evaluator: {error}')
            continue
        parts = content if isinstance(content, dict) else {}
        known, names = ([item.get(key) for item in parts.get(part) or () if isinstance(item, dict)]
                        for part, key in (('images', 'id'), ('categories', 'name')))
        ids = [image['id'] for image in read_coco(source.ann_file).content['images']]
        lost = set(ids).difference(key for key in known if isinstance(key, (int, str)))
        if lost:
            report.errors.append(
                f'{split}_evaluator: {metric} compares with {path}, which lacks {len(lost)} of the {len(ids)} images '
                f'that are predicted: {shorten([key for key in ids if key in lost])}. Rule: the metric knows each '
                f'image. Fix: ann_file={str(source.ann_file)!r} there.')
        elif source.classes and not set(source.classes).intersection(names):
            report.errors.append(
                f'{split}_evaluator: {metric} compares with {path}, whose categories are {shorten(names)}; the classes '
                f'are {shorten(source.classes)}. Rule: labels are matched by name. Fix: use the same names.')


def _named_files(evaluators: Any) -> Iterator[tuple[str, str]]:
    for metric in evaluators if isinstance(evaluators, (list, tuple)) else [evaluators]:
        path = metric.get('ann_file') if isinstance(metric, Mapping) else None
        if isinstance(path, str) and '://' not in path and str(metric.get('type')).split('.')[-1] in _METRICS:
            yield str(metric.get('type')), path
