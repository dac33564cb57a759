"""A network from the name of a config, alone or with trained weights."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from typing import Any

from mmengine.config import Config
from mmengine.registry import MODELS
from mmengine.utils import import_modules_from_strings
from torch import nn

from mmseg_plugins import setup
from mmseg_plugins.config.build_errors import explain_build_errors
from mmseg_plugins.config.load import load_config
from mmseg_plugins.config.scope import enter_scope_of
from mmseg_plugins.config.shipped import shipped_weights
from mmseg_plugins.engine.checkpoint.fit import load_weights
from mmseg_plugins.engine.checkpoint.safe_load import load_checkpoint_file
from mmseg_plugins.engine.runner.outside_runs import use_memory_formats
from mmseg_plugins.utils.errors import UserError


def get_model(
    config: str | os.PathLike[str] | Config,
    checkpoint: str | os.PathLike[str] | None = None,
    *,
    cfg_options: Mapping[str, Any] | None = None,
) -> nn.Module:
    """The network of a config, in training mode, on the CPU; its maps in the memory format that runs of it have.

    Args:
        config: Name or path of a config, name of a shipped model, or a ``Config``.
        checkpoint: Weights, which must fit; None takes those of a shipped model, else initializes as a training does,
            but downloads no weights.
        cfg_options: Overrides, as ``--cfg-options``.

    Raises:
        UserError: the config has no model or cannot be built; the checkpoint is missing or does not fit.
    """
    setup()
    checkpoint = shipped_weights(config, checkpoint)
    cfg = copy.deepcopy(config) if isinstance(config, Config) else load_config(config, cfg_options)
    if not (cfg.get('model') or {}).get('type'):
        raise UserError(f'{config} has no model with a type: it is a part of a config.', fix='name a whole config')
    if cfg.get('custom_imports'):
        import_modules_from_strings(**cfg.custom_imports)
    enter_scope_of(cfg)
    with explain_build_errors(cfg):
        model: nn.Module = MODELS.build(cfg.model)
    use_memory_formats(model, cfg)
    if checkpoint is not None:
        load_weights(model, load_checkpoint_file(checkpoint), checkpoint, allow_partial=False)
    return model
