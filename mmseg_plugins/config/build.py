"""A data set as the runner would build it."""

from __future__ import annotations

import json
from typing import Any

from mmengine.config import Config
from mmengine.registry import DATASETS
from mmengine.utils import import_modules_from_strings

from mmseg_plugins.config.build_errors import explain_build_errors
from mmseg_plugins.config.scope import enter_scope_of
from mmseg_plugins.config.walk import leaf_datasets
from mmseg_plugins.utils.errors import UserError


def build_dataset(cfg: Config, split: str) -> Any:
    """The data set of a split (``train``, ``val`` or ``test``), in the config's scope.

    Raises:
        UserError: the config has no loader for the split, a part that cannot be built, or broken annotations.
    """
    loader = cfg.get(f'{split}_dataloader')
    if loader is None:
        raise UserError(f'the config has no {split}_dataloader.', fix='choose another --split')
    if cfg.get('custom_imports'):
        import_modules_from_strings(**cfg.custom_imports)
    enter_scope_of(cfg)
    try:
        with explain_build_errors(cfg):
            return DATASETS.build(loader['dataset'])
    except json.JSONDecodeError as error:
        files = ', '.join(str(dataset.get('ann_file')) for dataset in leaf_datasets(loader['dataset']))
        raise UserError(f'the annotations {files} are not valid JSON: {error}.',
                        fix='export them again; mmseg-plugins check-data says more') from error
