"""The package's own registry scope, a sibling of ``mmdet`` and ``mmseg``.

This is the only module that knows scopes.  Each registry below is a child of
mmengine's root registry of the same kind, so ``type='mmseg_plugins.X'`` in a
config resolves lazily from mmdet's scope, from mmseg's and from mmengine's.
Modules register themselves when the listed location is first imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.registry import DATA_SAMPLERS as ROOT_DATA_SAMPLERS
from mmengine.registry import DATASETS as ROOT_DATASETS
from mmengine.registry import HOOKS as ROOT_HOOKS
from mmengine.registry import LOOPS as ROOT_LOOPS
from mmengine.registry import METRICS as ROOT_METRICS
from mmengine.registry import MODELS as ROOT_MODELS
from mmengine.registry import OPTIM_WRAPPER_CONSTRUCTORS as ROOT_OPTIM_WRAPPER_CONSTRUCTORS
from mmengine.registry import OPTIM_WRAPPERS as ROOT_OPTIM_WRAPPERS
from mmengine.registry import OPTIMIZERS as ROOT_OPTIMIZERS
from mmengine.registry import RUNNERS as ROOT_RUNNERS
from mmengine.registry import TASK_UTILS as ROOT_TASK_UTILS
from mmengine.registry import TRANSFORMS as ROOT_TRANSFORMS
from mmengine.registry import VISUALIZERS as ROOT_VISUALIZERS
from mmengine.registry import WEIGHT_INITIALIZERS as ROOT_WEIGHT_INITIALIZERS
from mmengine.registry import Registry

from mmseg_plugins.utils.deprecation import warn_renamed

SCOPE = 'mmseg_plugins'


class RenamingRegistry(Registry):
    """A registry that also answers to former names of its types, with one warning.

    Args:
        args, kwargs: Those of ``Registry``.
        renamed: Today's name of each former one.
    """

    def __init__(self, *args: Any, renamed: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.renamed = dict(renamed)

    def get(self, key: str) -> type | None:
        """The class of that name, with or without the scope, or ``None``."""
        scope, name = self.split_scope_key(key) if isinstance(key, str) else (None, key)
        if name in self.renamed and scope in (None, self.scope):
            new = self.renamed[name]
            warn_renamed(f"type='{SCOPE}.{name}'", f"type='{SCOPE}.{new}'")
            return super().get(new)
        return super().get(key)


MODELS = RenamingRegistry(
    'model',
    parent=ROOT_MODELS,
    scope=SCOPE,
    locations=['mmseg_plugins.models', 'mmseg_plugins.apis.panoptic_merge'],
    renamed={'DilatedSumHead': 'DeepLabV2Head'})
TASK_UTILS = Registry('task util', parent=ROOT_TASK_UTILS, scope=SCOPE, locations=['mmseg_plugins.models'])
DATASETS = Registry('dataset', parent=ROOT_DATASETS, scope=SCOPE, locations=['mmseg_plugins.datasets.registered'])
DATA_SAMPLERS = Registry(
    'data sampler', parent=ROOT_DATA_SAMPLERS, scope=SCOPE, locations=['mmseg_plugins.datasets.registered'])
TRANSFORMS = Registry(
    'transform', parent=ROOT_TRANSFORMS, scope=SCOPE, locations=['mmseg_plugins.datasets.transforms'])
METRICS = Registry('metric', parent=ROOT_METRICS, scope=SCOPE, locations=['mmseg_plugins.evaluation'])
HOOKS = Registry(
    'hook', parent=ROOT_HOOKS, scope=SCOPE,
    locations=['mmseg_plugins.engine', 'mmseg_plugins.reporting.run_report_hook'])
OPTIMIZERS = Registry('optimizer', parent=ROOT_OPTIMIZERS, scope=SCOPE, locations=['mmseg_plugins.engine'])
OPTIM_WRAPPERS = Registry(
    'optimizer wrapper', parent=ROOT_OPTIM_WRAPPERS, scope=SCOPE, locations=['mmseg_plugins.engine'])
OPTIM_WRAPPER_CONSTRUCTORS = Registry(
    'optimizer wrapper constructor', parent=ROOT_OPTIM_WRAPPER_CONSTRUCTORS, scope=SCOPE,
    locations=['mmseg_plugins.engine'])
LOOPS = Registry('loop', parent=ROOT_LOOPS, scope=SCOPE, locations=['mmseg_plugins.engine'])
RUNNERS = Registry('runner', parent=ROOT_RUNNERS, scope=SCOPE, locations=['mmseg_plugins.engine'])
VISUALIZERS = Registry(
    'visualizer', parent=ROOT_VISUALIZERS, scope=SCOPE, locations=['mmseg_plugins.visualization.visualizers'])
WEIGHT_INITIALIZERS = Registry(
    'weight initializer', parent=ROOT_WEIGHT_INITIALIZERS, scope=SCOPE,
    locations=['mmseg_plugins.weights.package_pretrained'])
