"""The shape of a config's data sections: what must be a dict, a list or a text, asked before anything reads them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from mmseg_plugins.config.walk import named_datasets
from mmseg_plugins.utils.errors import UserError

#: Parts of a model; of the first two there is one each.
PARTS = ('data_preprocessor', 'backbone', 'neck', 'decode_head', 'auxiliary_head', 'rpn_head', 'roi_head', 'bbox_head',
         'mask_head', 'panoptic_head', 'train_cfg', 'test_cfg')  # fmt: skip
SPLITS = ('train', 'val', 'test')


def check_scope(cfg: Mapping[str, Any]) -> None:
    """Refuse a ``default_scope`` that is no name.

    Raises:
        UserError: it is neither a text nor absent.
    """
    scope = cfg.get('default_scope')
    if not isinstance(scope, (str, type(None))):
        raise UserError(f'default_scope={scope!r}.', rule="a text: 'mmdet' or 'mmseg'.", fix="default_scope='mmdet'.")


def check_model_section(cfg: Mapping[str, Any]) -> None:
    """Refuse a ``model`` that is neither built nor described.

    Raises:
        UserError: a text, a number or a list.
    """
    model = cfg.get('model')
    if isinstance(model, (str, int, float, list, tuple)):
        raise UserError(f'model = {model!r:.60}.', rule='a dict with a type.',
                        fix="model = dict(type='EncoderDecoder', ...), say.")
    if not isinstance(model, Mapping):
        return
    for name in PARTS:
        part = model.get(name)
        if _is_plain(part) or (name in PARTS[:2] and isinstance(part, (list, tuple))):
            raise UserError(f'model.{name} = {part!r:.60}.', rule='a dict with a type.',
                            fix=f'model.{name} = dict(type=...).')
    preprocessor = model.get('data_preprocessor')
    if isinstance(preprocessor, Mapping):
        _check_preprocessor(preprocessor)


def _check_preprocessor(preprocessor: Mapping[str, Any]) -> None:
    for name in ('mean', 'std'):
        _check_channel_numbers(f'model.data_preprocessor.{name}', preprocessor.get(name), name == 'std')
    size = preprocessor.get('size')
    pair = isinstance(size, (list, tuple)) and len(size) == 2 and all(type(side) is int and side > 0 for side in size)
    if size is not None and not pair:
        raise UserError(f'model.data_preprocessor.size = {size!r:.60}.', rule='height and width in pixels, or None.',
                        fix='model.data_preprocessor.size = (512, 512), say.')


def _check_channel_numbers(place: str, values: Any, divides: bool) -> None:
    """Refuse a mean or a deviation that is no list of numbers, or one by which nothing can be divided."""
    if values is None:
        return
    wrong = not isinstance(values, (list, tuple)) or not all(
        isinstance(value, (int, float)) and math.isfinite(value) and (value > 0 or not divides) for value in values)
    if wrong:
        raise UserError(f'{place} = {values!r:.60}.',
                        rule=f'a list with a number{" above 0" if divides else ""} for each channel.',
                        fix=f'{place} = [{"1.0" if divides else "0.0"}] * 3 changes nothing.')


def check_loaders(cfg: Mapping[str, Any]) -> None:
    """Refuse data loaders of another shape, of any split.

    Raises:
        UserError: see :func:`loader_problem`.
    """
    for split in SPLITS:
        problem = loader_problem(f'{split}_dataloader', cfg.get(f'{split}_dataloader'))
        if problem:
            raise UserError(problem)


def loader_problem(place: str, loader: Any) -> str | None:
    """What of a loader's config has another shape; None where nothing has, or where it is built already."""
    if _is_plain(loader):
        return f'{place} = {loader!r:.60}. Rule: a dict, or None. Fix: {place} = dict(batch_size=2, dataset=...).'
    if not isinstance(loader, Mapping):
        return None
    dataset = loader.get('dataset')
    if dataset is None or dataset == {} or _is_plain(dataset):
        return (f'{place}.dataset = {dataset!r:.60}. Rule: a dict that describes a data set. Fix: '
                f"{place}.dataset = dict(type='CocoDataset', ...).")
    for name in ('sampler', 'batch_sampler', 'collate_fn'):
        part = loader.get(name)
        if isinstance(part, (str, int, float, list, tuple)):
            return (f'{place}.{name} = {part!r:.60}. Rule: a dict with a type, or None. Fix: '
                    f'leave it out, or {place}.{name} = dict(type=...).')
    if loader.get('batch_size', 1) is None and loader.get('batch_sampler') is None:
        return f'{place}.batch_size = None. Rule: a whole number, at least 1. Fix: {place}.batch_size = 2.'
    problems = (dataset_problem(name, leaf) for name, leaf in named_datasets(dataset, f'{place}.dataset'))
    return next(filter(None, problems), None)


def dataset_problem(place: str, dataset: Mapping[str, Any]) -> str | None:
    """What of one data set's config has another shape; None where nothing has."""
    kind = dataset.get('type')
    if not isinstance(kind, (str, type)):
        return f"{place}.type = {kind!r:.60}. Rule: the name of a data set. Fix: {place}.type = 'CocoDataset', say."
    metainfo = dataset.get('metainfo')
    if not isinstance(metainfo, (Mapping, type(None))):
        return (f'{place}.metainfo = {metainfo!r:.60}. Rule: a dict. Fix: '
                "metainfo=dict(classes=('first', 'second')).")
    classes = (metainfo or {}).get('classes')
    if isinstance(classes, (int, float, Mapping)):
        return f"{place}.metainfo.classes = {classes!r}. Rule: a list of names. Fix: classes=('first', 'second')."
    pipeline = dataset.get('pipeline')
    if not isinstance(pipeline, (list, tuple, type(None))):
        return f'{place}.pipeline = {pipeline!r:.60}. Rule: a list of steps. Fix: pipeline=[dict(type=...), ...].'
    for number, step in enumerate(pipeline or ()):
        if _is_plain(step) or (isinstance(step, Mapping) and not isinstance(step.get('type'), (str, type))):
            return (f'{place}.pipeline[{number}] = {step!r:.60}. Rule: a dict with a type. Fix: '
                    "dict(type='LoadImageFromFile'), say.")
    return path_problem(place, dataset)


def path_problem(place: str, dataset: Mapping[str, Any]) -> str | None:
    """What of the files, folders, suffixes and switches of a data set is of another kind; None where all is right."""
    prefixes = dataset.get('data_prefix') or {}
    if not isinstance(prefixes, Mapping):
        return (f"{place}.data_prefix = {prefixes!r}. Rule: it names folders by kind. Fix: "
                "data_prefix=dict(img='folder/').")
    for name, value in {**{key: dataset.get(key) for key in ('data_root', 'ann_file')}, **prefixes}.items():
        if not isinstance(value, (str, PurePath, type(None))):
            return (f'{place}: {name} = {value!r} is no text. Rule: files and folders are texts. Fix: '
                    f'{name} = {str(value)!r}.')
    for name in ('img_suffix', 'seg_map_suffix'):
        if not isinstance(dataset.get(name, ''), str):
            return (f'{place}.{name} = {dataset[name]!r}. Rule: one text. Fix: a data set for each suffix, joined by '
                    'ConcatDataset, or files of one kind.')
    for name in ('reduce_zero_label', 'test_mode'):
        value = dataset.get(name)
        if isinstance(value, str):
            return (f'{place}.{name} = {value!r} is a text, which counts as True. Rule: True or False. Fix: without '
                    'quotes.')
    return None


def _is_plain(value: Any) -> bool:
    """Whether a value is one that stands for nothing here: a text or a number, where a dict or an object belongs."""
    return isinstance(value, (str, int, float))
