"""The documented Python API, described in docs/python_api.md.  Names are imported when they are first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmseg_plugins import ops
    from mmseg_plugins.apis.data import check_data
    from mmseg_plugins.apis.export import export_model
    from mmseg_plugins.apis.fitting import FitResult, fit
    from mmseg_plugins.apis.inference import Predictor
    from mmseg_plugins.apis.models import get_model
    from mmseg_plugins.config.catalog import ConfigInfo, list_configs, list_systems
    from mmseg_plugins.config.load import load_config
    from mmseg_plugins.models.crf.dense_crf import dense_crf
    from mmseg_plugins.utils.errors import UserError

#: Name -> the module that has it.
HOMES = {
    'ConfigInfo': 'mmseg_plugins.config.catalog',
    'FitResult': 'mmseg_plugins.apis.fitting',
    'Predictor': 'mmseg_plugins.apis.inference',
    'UserError': 'mmseg_plugins.utils.errors',
    'check_data': 'mmseg_plugins.apis.data',
    'dense_crf': 'mmseg_plugins.models.crf.dense_crf',
    'export_model': 'mmseg_plugins.apis.export',
    'fit': 'mmseg_plugins.apis.fitting',
    'get_model': 'mmseg_plugins.apis.models',
    'list_configs': 'mmseg_plugins.config.catalog',
    'list_systems': 'mmseg_plugins.config.catalog',
    'load_config': 'mmseg_plugins.config.load',
    'ops': '',
}

__all__ = [
    'ConfigInfo',
    'FitResult',
    'Predictor',
    'UserError',
    'check_data',
    'dense_crf',
    'export_model',
    'fit',
    'get_model',
    'list_configs',
    'list_systems',
    'load_config',
    'ops',
]


def __getattr__(name: str) -> Any:
    if name == 'ops':
        return importlib.import_module('mmseg_plugins.ops')
    if name not in HOMES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    value = globals()[name] = getattr(importlib.import_module(HOMES[name]), name)
    return value
