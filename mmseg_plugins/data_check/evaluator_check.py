"""What a data set and its evaluator must agree on, and whether wrappers and ``indices`` leave anything of a set."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.registry import MODELS

from mmseg_plugins.config.loading_steps import step_name
from mmseg_plugins.data_check.check_report import DatasetReport
from mmseg_plugins.data_check.coco_check import CocoSource
from mmseg_plugins.data_check.coco_structure import shorten
from mmseg_plugins.structures.coco_json import read_coco
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.suggest import did_you_mean

#: Metrics that compare predictions with the COCO file that they name.
_METRICS = ('CocoMetric', 'FastCocoMetric', 'MaskRecallMetric')
_IOU = ('mIoU', 'mDice', 'mFscore')  # what mmseg's IoUMetric computes


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


def metric_problems(split: str, evaluators: Any, model: Any) -> list[str]:
    """Metrics that the first validation would stop at: of masks that the model does not give, of unknown names.

    Args:
        split: ``val`` or ``test``.
        evaluators: the evaluator's config.
        model: the model's config.
    """
    problems = []
    for metric in evaluators if isinstance(evaluators, (list, tuple)) else [evaluators]:
        name = step_name(metric)
        coco = name in ('CocoMetric', 'FastCocoMetric')
        if coco and 'segm' in _texts(metric.get('metric')) and not _has_masks(model):
            problems.append(f"{split}_evaluator: {name} has metric='segm', and no part of the model gives masks. Rule: "
                            "what is measured is predicted. Fix: metric='bbox', or a model with a mask head.")
        if coco and not isinstance(metric.get('iou_thrs'), (list, tuple, type(None))):
            problems.append(f'{split}_evaluator: {name} has iou_thrs={metric["iou_thrs"]!r}. Rule: a list. '
                            f'Fix: iou_thrs=[{metric["iou_thrs"]}].')
        if name == 'IoUMetric':
            problems += _unknown_scores(split, metric.get('iou_metrics', 'mIoU'))
    return problems


def _unknown_scores(split: str, value: Any) -> list[str]:
    """A sentence for the first of ``iou_metrics`` that mmseg does not know, which it says after the validation."""
    for one in value if isinstance(value, (list, tuple)) else [value]:
        if not (isinstance(one, str) and one in _IOU):
            return [f'{split}_evaluator: IoUMetric has iou_metrics={one!r}{did_you_mean(str(one), _IOU)}. '
                    f"Rule: of {', '.join(_IOU)}. Fix: iou_metrics=['mIoU']."]
    return []


def _texts(value: Any) -> list[str]:
    return [one for one in (value if isinstance(value, (list, tuple)) else [value]) if isinstance(one, str)]


def _has_masks(model: Any) -> bool:
    """Whether a model may give masks: all do but mmdet's own without any key or type that speaks of masks."""
    if not isinstance(model, Mapping):
        return True
    kind = model.get('type')
    if not isinstance(kind, type):
        with MODELS.switch_scope_and_registry(None) as registry:
            kind = registry.get(str(kind))
    if kind is None or kind.__module__.split('.')[0] != 'mmdet':
        return True
    apart = ['data_preprocessor', 'train_cfg', 'test_cfg']
    if 'roi_head' in model:
        apart.append('type')  # a MaskRCNN whose roi_head has no mask_head gives boxes
    return _speaks_of_masks({key: value for key, value in model.items() if key not in apart})


def _speaks_of_masks(part: Any) -> bool:
    if isinstance(part, (list, tuple)):
        return any(_speaks_of_masks(one) for one in part)
    if not isinstance(part, Mapping):
        return False
    kind = str(part.get('type', '')).removeprefix('mmdet.').lower()
    words = [kind, *(str(key) for key, value in part.items() if value is not None)]
    return ('.' in kind or any(word in text for text in words for word in ('mask', 'seg', 'panoptic', 'ins', 'solo'))
            or any(_speaks_of_masks(value) for value in part.values()))


def _named_files(evaluators: Any) -> Iterator[tuple[str, str]]:
    for metric in evaluators if isinstance(evaluators, (list, tuple)) else [evaluators]:
        path = metric.get('ann_file') if isinstance(metric, Mapping) else None
        if isinstance(path, str) and '://' not in path and str(metric.get('type')).split('.')[-1] in _METRICS:
            yield str(metric.get('type')), path
