"""Check every data set that a config names, and its model's class numbers."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mmengine.registry import DATASETS

from mmseg_plugins.config.walk import named_datasets
from mmseg_plugins.data_check.check_report import DatasetReport
from mmseg_plugins.data_check.coco_check import ImageOptions, check_coco
from mmseg_plugins.data_check.coco_structure import shorten
from mmseg_plugins.data_check.config_scan import (
    class_number_problems,
    coco_source,
    configured_classes,
    ignored_label_problems,
    is_remote,
    missing_label_problem,
    panoptic_source,
    semantic_source,
    takes_unlabeled,
)
from mmseg_plugins.data_check.map_check import check_panoptic, check_semantic
from mmseg_plugins.data_check.sbd_check import check_sbd, sbd_source


def dataset_class(kind: Any, scope: str) -> type | None:
    """The class of a dataset's ``type``, looked up as the runner will; None when it is unknown."""
    if isinstance(kind, type):
        return kind
    with DATASETS.switch_scope_and_registry(scope) as registry:
        return registry.get(kind)


def dataset_kind(cls: type | None) -> str | None:
    """``coco``, ``panoptic``, ``semantic`` or ``sbd``; None for a class that reads its files in its own way."""
    if cls is None:
        return None
    bases = {base.__name__: base for base in cls.__mro__}
    if 'CocoPanopticDataset' in bases:
        return 'panoptic'
    if 'CocoDataset' in bases:
        # A subclass with its own loader (LVIS, Objects365) orders or names things differently.
        same = getattr(cls, 'load_data_list') is getattr(bases['CocoDataset'], 'load_data_list')  # noqa: B009
        return 'coco' if same else None
    if 'SBDInstanceDataset' in bases:
        return 'sbd'
    return 'semantic' if 'BaseSegDataset' in bases else None


def _own_defaults(cls: type) -> dict[str, Any]:
    """Default arguments of a dataset class and its bases, and the classes of its METAINFO."""
    defaults: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        if '__init__' in vars(base):
            parameters = inspect.signature(vars(base)['__init__']).parameters.values()
            defaults.update({p.name: p.default for p in parameters if p.default is not p.empty})
    defaults['classes'] = getattr(cls, 'METAINFO', {}).get('classes')
    return defaults


def check_dataset(
    name: str, dataset: Mapping[str, Any], cfg: Mapping[str, Any], options: ImageOptions, done: list[Any]
) -> DatasetReport | None:
    """Check one leaf data set; None when the same was done before under another name."""
    split = name.split('[')[0]
    cls = dataset_class(dataset.get('type'), cfg.get('default_scope') or 'mmengine')
    kind = dataset_kind(cls)
    report = DatasetReport(name, str(dataset.get('ann_file') or dataset.get('data_root') or ''))
    if cls is None or kind is None or is_remote(dataset):
        own_way = f'{dataset.get("type")} reads its files in its own way'
        report.notes.append(f'not checked: {"its files lie on a storage backend" if kind else own_way}')
        return report
    classes, problem = configured_classes(dataset, getattr(cls, 'METAINFO', {}))
    if problem:
        report.errors.append(problem)
        return report
    model = cfg.get('model') or {}
    if kind == 'coco':
        source = coco_source(name, dataset, classes, cfg.get(f'{split}_evaluator'))
        if _seen(source, done):
            return None
        report = check_coco(source, options)
        background = getattr(cls, 'BACKGROUND', None)  # a class that is no category of the JSON
        report.errors += class_number_problems(model, classes if background is None else (background, *classes))
    elif kind == 'sbd':
        files = sbd_source(name, dataset, classes)
        if _seen(files, done):
            return None
        report = check_sbd(files, options)
        report.errors += class_number_problems(model, classes)
    elif kind == 'panoptic':
        maps = panoptic_source(name, dataset, classes)
        if _seen(maps, done):
            return None
        report = check_panoptic(maps)
        metainfo = {**getattr(cls, 'METAINFO', {}), **(dataset.get('metainfo') or {})}
        things = len(metainfo.get('thing_classes') or ())
        report.errors += class_number_problems(model, classes, things, len(classes) - things)
    else:
        maps = semantic_source(name, dataset, classes, _own_defaults(cls))
        if _seen(maps, done):
            return None
        unlabelled = None if maps.labelled else missing_label_problem(
            split, dataset, cfg.get(f'{split}_evaluator'), takes_unlabeled(split, cfg))
        if unlabelled:
            report.errors.append(unlabelled)
            return report
        report = check_semantic(maps, options=options)
        if classes:
            report.errors += class_number_problems(model, classes)
        report.errors += ignored_label_problems(model, cfg.get(f'{split}_evaluator'), maps.ignore_index)
    return report


def _seen(source: Any, done: list[Any]) -> bool:
    anonymous = replace(source, name='')
    if anonymous in done:
        return True
    done.append(anonymous)
    return False


def check_config(
    cfg: Mapping[str, Any], splits: Sequence[str] = ('train', 'val', 'test'), options: ImageOptions | None = None
) -> list[DatasetReport]:
    """Check the data sets of some splits of a config, wrappers opened, each once.

    Raises:
        Nothing for bad data: that is what the reports say.
    """
    reports: list[DatasetReport] = []
    done: list[Any] = []
    for split in splits:
        loader = cfg.get(f'{split}_dataloader')
        # A loader may already be built when the runner was made by hand.
        if not isinstance(loader, Mapping) or not isinstance(loader.get('dataset'), (Mapping, list, tuple)):
            continue
        for name, dataset in named_datasets(loader['dataset'], split):
            report = check_dataset(name, dataset, cfg, options or ImageOptions(), done)
            if report is not None:
                reports.append(report)
    _classes_that_nothing_teaches(reports)
    return reports


def _classes_that_nothing_teaches(reports: Sequence[DatasetReport]) -> None:
    """A class may be absent from one file; one that all training files lack is misspelt or superfluous."""
    training = [report for report in reports if report.name.split('[')[0] == 'train' and report.categories]
    if not training or any(report.problems() for report in training):
        return
    for name in training[0].lacking:
        if all(name in report.lacking for report in training):
            training[0].errors.append(
                f'class {name!r} is a category of no training file, whose categories are '
                f'{shorten(training[0].categories)}. Rule: each class occurs in one. Fix: correct or remove it.')
