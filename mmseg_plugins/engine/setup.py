"""What a process needs before it reads configs and checkpoints: see :func:`mmseg_plugins.setup`."""

from __future__ import annotations

import warnings
from functools import cache

from mmseg_plugins.utils.compat import check_stack


@cache
def setup_process() -> None:
    """Check the stack; install operators, readers of files, paths of configs and what host APIs owe a config, once.

    Raises:
        ImportError: a package of the stack is missing or too old.
    """
    # The stock mmengine imports pkg_resources; the notice repeats in every process and helps nobody.
    warnings.filterwarnings('ignore', message='pkg_resources is deprecated', category=UserWarning)
    check_stack()
    # Imported only now: these modules import mmengine, whose notices the filter above silences.
    from mmseg_plugins.config.load import find_host_configs
    from mmseg_plugins.datasets import coco_api
    from mmseg_plugins.engine import host_apis
    from mmseg_plugins.engine.checkpoint.loaders import install
    from mmseg_plugins.ops.compiled_layouts import take_any_layout
    from mmseg_plugins.ops.install import find_stand_in

    find_stand_in()  # before anything imports mmcv.ops
    take_any_layout()
    find_host_configs()
    install()
    coco_api.install()
    host_apis.install()
