"""Check every data set that a config names, and its model's class numbers."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mmengine.registry import DATASETS, DefaultScope

from mmseg_plugins.config.shape import check_model_section, loader_problem
from mmseg_plugins.config.walk import first_of, named_datasets
from mmseg_plugins.data_check.check_report import DatasetReport
from mmseg_plugins.data_check.coco_check import CocoSource, check_coco
from mmseg_plugins.data_check.coco_structure import shorten
from mmseg_plugins.data_check.config_scan import (
    class_number_problems,
    coco_source,
    configured_classes,
    ignored_label_problems,
    is_remote,
    missing_label_problem,
    one_channel_problems,
    palette_problem,
    panoptic_source,
    semantic_source,
    takes_unlabeled,
)
from mmseg_plugins.data_check.evaluator_check import check_evaluator, check_indices, metric_problems, wrapper_problem
from mmseg_plugins.data_check.image_check import ImageOptions
from mmseg_plugins.data_check.map_check import MapSource, check_semantic
from mmseg_plugins.data_check.panoptic_check import check_panoptic
from mmseg_plugins.data_check.pipeline_check import (
    check_batch_sizes,
    check_channels,
    label_size_problem,
    no_label_step_problem,
    padding_problem,
    pipeline_problem,
)
from mmseg_plugins.data_check.pipeline_sizes import MOST_PIXELS, add_sizes
from mmseg_plugins.data_check.sbd_check import check_sbd, sbd_source
from mmseg_plugins.data_check.shared_files import add_same_data, add_shared_files


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
    name: str, dataset: Mapping[str, Any], cfg: Mapping[str, Any], options: ImageOptions,
    done: list[tuple[Any, DatasetReport]], mixed: bool = False
) -> DatasetReport | None:
    """Check one leaf data set; None when the same was done before under another name, whose report then says so.

    ``mixed`` data sets lie in a wrapper that has a pipeline of its own.
    """
    split = name.split('[')[0]
    cls = dataset_class(dataset.get('type'), cfg.get('default_scope') or 'mmengine')
    kind = dataset_kind(cls)
    report = DatasetReport(name, str(dataset.get('ann_file') or dataset.get('data_root') or ''))
    if cls is None or kind is None or is_remote(dataset):
        own_way = f'{dataset.get("type")} reads its files in its own way'
        report.notes.append(f'not checked: {"its files lie on a storage backend" if kind else own_way}')
        return report
    classes, problem = configured_classes(dataset, getattr(cls, 'METAINFO', {}))
    if kind == 'semantic':
        problem = problem or palette_problem(dataset, classes, getattr(cls, 'METAINFO', {}).get('classes'))
        problem = problem or padding_problem(split, cfg.get('model'))
    problem = problem or pipeline_problem(split, dataset.get('pipeline'), cls, cfg.get('model'), mixed)
    if problem:
        report.errors.append(problem)
        return report
    source = _source(kind, name, dataset, classes, cls, cfg.get(f'{split}_evaluator'))
    if isinstance(source, MapSource) and source.labelled:
        problem = no_label_step_problem(
            split, dataset.get('pipeline'), cfg.get('model'), cfg.get(f'{split}_evaluator'))
        if problem:
            report.errors.append(problem)
            return report
    earlier = next((report for other, report in done if _covers(other, source)), None)
    if earlier is not None:
        if dataset.get('indices') is None and earlier.paths:
            add_same_data(earlier, name)
            if not earlier.problems():
                if isinstance(source, CocoSource):
                    check_evaluator(earlier, source, cfg.get(f'{split}_evaluator'), dataset)
                _check_sizes(earlier, kind, split, dataset, cfg, mixed)
        return None
    if isinstance(source, MapSource) and not source.labelled:
        unlabelled = missing_label_problem(
            split, dataset, cfg.get(f'{split}_evaluator'), takes_unlabeled(split, cfg))
        if unlabelled:
            report.errors.append(unlabelled)
            return report
    report = _check(kind, source, options)
    report.errors += _model_problems(kind, source, classes, cls, cfg)
    check_channels(report, cfg.get('model'), cfg.get('default_scope'))
    if isinstance(source, CocoSource) and not report.errors:
        check_evaluator(report, source, cfg.get(f'{split}_evaluator'), dataset)
    if dataset.get('indices') is None and not report.problems():
        _check_sizes(report, kind, split, dataset, cfg, mixed)
    elif dataset.get('indices') is not None:
        report.paths = []  # a part of the files, which only the data set knows
        if not report.errors:
            check_indices(report, dataset['indices'])
    done.append((replace(source, name=''), report))
    return report


def _covers(earlier: Any, source: Any) -> bool:
    """Whether the check of ``earlier``, which has no name, has found all that one of ``source`` would find."""
    nameless = replace(source, name='')
    if earlier == nameless:
        return True
    # A test set may lack annotations, the same files of a validation may not.
    return isinstance(nameless, CocoSource) and earlier == replace(nameless, needs_annotations=True)


def _check_sizes(report: DatasetReport, kind: str, split: str, dataset: Mapping[str, Any], cfg: Mapping[str, Any],
                 mixed: bool) -> None:
    """What the pipeline and the batches of a split make of the sizes of images, and its metrics of the model."""
    report.errors += metric_problems(split, cfg.get(f'{split}_evaluator'), cfg.get('model'))
    add_sizes(report, split, dataset, whole=not mixed)
    if kind != 'semantic' or report.errors:
        return
    check_batch_sizes(report, cfg, split)
    if split != 'train':
        ordinary = [(h, w) for w, h in list(report.sizes)[:3] if h * w < MOST_PIXELS]
        report.errors += filter(None, [label_size_problem(split, dataset.get('pipeline'), ordinary)])


def _source(kind: str, name: str, dataset: Mapping[str, Any], classes: tuple[str, ...], cls: type,
            evaluators: Any) -> Any:
    if kind == 'coco':
        return coco_source(name, dataset, classes, evaluators)
    if kind == 'sbd':
        return sbd_source(name, dataset, classes)
    if kind == 'panoptic':
        metainfo = {**getattr(cls, 'METAINFO', {}), **(dataset.get('metainfo') or {})}
        return panoptic_source(name, dataset, classes, tuple(metainfo.get('thing_classes') or ()))
    return semantic_source(name, dataset, classes, _own_defaults(cls))


def _check(kind: str, source: Any, options: ImageOptions) -> DatasetReport:
    if kind == 'coco':
        return check_coco(source, options)
    if kind == 'sbd':
        return check_sbd(source, options)
    return check_panoptic(source, options=options) if kind == 'panoptic' else check_semantic(source, options=options)


def _model_problems(kind: str, source: Any, classes: tuple[str, ...], cls: type, cfg: Mapping[str, Any]) -> list[str]:
    """Heads and metrics that count or ignore other classes than the data."""
    model = cfg.get('model') or {}
    if kind == 'panoptic':
        return class_number_problems(model, classes, len(source.things), len(classes) - len(source.things))
    if kind == 'semantic':
        split = source.name.split('[')[0]
        problems = class_number_problems(model, classes) if classes else []
        problems += one_channel_problems(model)
        return problems + ignored_label_problems(model, cfg.get(f'{split}_evaluator'), source.ignore_index)
    background = getattr(cls, 'BACKGROUND', None)  # a class that is no category of the JSON
    return class_number_problems(model, classes if background is None else (background, *classes))


def check_config(
    cfg: Mapping[str, Any], splits: Sequence[str] = ('train', 'val', 'test'), options: ImageOptions | None = None
) -> list[DatasetReport]:
    """Check the data sets of some splits of a config, wrappers opened, each once.

    Raises:
        UserError: the model's section is no dict.  Bad data raise nothing: the reports say it.
    """
    check_model_section(cfg)
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope')):  # of steps that load images
        return _check_config(cfg, splits, options)


def _check_config(cfg: Mapping[str, Any], splits: Sequence[str], options: ImageOptions | None) -> list[DatasetReport]:
    reports: list[DatasetReport] = []
    done: list[tuple[Any, DatasetReport]] = []
    for split in splits:
        loader = cfg.get(f'{split}_dataloader')
        problem = loader_problem(f'{split}_dataloader', loader)
        if problem:
            reports.append(DatasetReport(split, '', errors=[problem]))
            continue
        # A loader may already be built when the runner was made by hand.
        if not isinstance(loader, Mapping) or not isinstance(loader.get('dataset'), (Mapping, list, tuple)):
            continue
        problem = wrapper_problem(loader['dataset'], f'{split}_dataloader.dataset')
        if problem:
            reports.append(DatasetReport(split, '', errors=[problem]))
            continue
        for name, dataset in named_datasets(loader['dataset'], split):
            report = check_dataset(name, dataset, cfg, options or ImageOptions(), done,
                                   mixed=first_of(loader['dataset'], 'pipeline') != dataset.get('pipeline'))
            if report is not None:
                reports.append(report)
    _classes_that_nothing_teaches(reports)
    if options is None or options.files:
        add_shared_files(reports)
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
