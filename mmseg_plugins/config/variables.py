"""The data variables of our dataset bases, written to every place that repeats them.

A text config cannot pass a value from a child to its base: a child that sets ``data_root`` does not change
``train_dataloader.dataset.data_root``, which the base computed before.  The configs under ``configs/_base_/datasets``
therefore declare their data by variables (:data:`DATA_VARIABLES`), and these are written into the loaders, the
evaluators and the heads' ``num_classes`` here.
"""

from __future__ import annotations

import os
from typing import Any

from mmengine.config import Config, ConfigDict

from mmseg_plugins.config.classes import read_classes
from mmseg_plugins.config.walk import leaf_datasets, set_num_classes
from mmseg_plugins.utils.errors import UserError

#: Top-level names that describe the data in configs based on ours.
DATA_VARIABLES = ('data_root', 'train_ann_file', 'val_ann_file', 'train_img_prefix', 'val_img_prefix', 'classes')

_LOADERS = {'train': 'train', 'val': 'val', 'test': 'val'}


def uses_data_variables(cfg: Config) -> bool:
    """Whether the config descends from one of our dataset bases."""
    return 'train_ann_file' in cfg and 'data_root' in cfg


def resolve_data_variables(cfg: Config) -> Config:
    """Write the data variables into loaders, evaluators and heads, in place.

    ``classes=None`` reads the names from the training JSON, in the order in
    which mmdet labels them.  A config without the variables stays as it is.
    Calling it again changes nothing.
    """
    if not uses_data_variables(cfg):
        return cfg
    root = str(cfg.data_root)
    classes = cfg.get('classes')
    if isinstance(classes, str):
        raise UserError(
            f'classes = {classes!r} is a string: each letter would be a class.',
            fix=f"classes = ('{classes}',)",
        )
    train_json = os.path.join(root, cfg.train_ann_file)
    if classes is None and os.path.isfile(train_json):
        classes = read_classes(train_json)
    for name, split in _LOADERS.items():
        loader = cfg.get(f'{name}_dataloader')
        if loader is not None:
            for dataset in leaf_datasets(loader['dataset']):
                _fill_dataset(dataset, cfg, split, classes)
        evaluator = cfg.get(f'{name}_evaluator')
        for metric in evaluator if isinstance(evaluator, (list, tuple)) else [evaluator]:
            if metric is not None and 'ann_file' in metric:
                metric['ann_file'] = os.path.join(root, cfg[f'{split}_ann_file'])
    if classes is not None and 'model' in cfg:
        set_num_classes(cfg.model, len(classes))
    return cfg


def _fill_dataset(dataset: ConfigDict, cfg: Config, split: str, classes: Any) -> None:
    dataset['data_root'] = cfg.data_root
    dataset['ann_file'] = cfg[f'{split}_ann_file']
    dataset['data_prefix'] = dict(img=cfg[f'{split}_img_prefix'])
    if classes is not None:
        dataset['metainfo'] = dict(dataset.get('metainfo') or {}, classes=tuple(classes))


def move_data_root(cfg: Config, new_root: str) -> None:
    """For host configs: replace the file's own ``data_root`` wherever it was copied."""
    old_root = cfg.get('data_root')
    if old_root is None:
        raise UserError(
            f'data_root={new_root} was given, but this config has no data_root to replace.',
            fix='name the key itself, e.g. train_dataloader.dataset.data_root=...',
        )
    new_root = os.path.join(new_root, '')

    def moved(value: Any) -> Any:
        if isinstance(value, dict):
            for key in value:
                value[key] = moved(value[key])
        elif isinstance(value, (list, tuple)):
            return type(value)(moved(item) for item in value)
        elif isinstance(value, str) and value.startswith(old_root):
            return new_root + value[len(old_root):]
        return value

    for key in list(cfg.keys()):
        cfg[key] = moved(cfg[key])
