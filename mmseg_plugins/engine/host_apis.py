"""What the hosts' own entry points owe a config: its post-process acts, and weights of other classes are refused.

``init_model``, ``init_detector`` and the inferencers of mmdet and mmseg put the config on the network as ``model.cfg``,
and read weights through one function of mmengine.  :func:`install` looks at both places, and lets a stock ``Runner``
act for ``post_process``, too.  Our own predictor does not set ``model.cfg``: it calls the post-process itself.
Maps have the memory format that the config's runs have.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.infer import BaseInferencer
from mmengine.logging import print_log
from mmengine.model import BaseModel, is_model_wrapper
from mmengine.runner import Runner, checkpoint

from mmseg_plugins.config.walk import class_numbers
from mmseg_plugins.engine.checkpoint.fit import class_meta, config_classes, misfit, other_shapes, warn_of_other_names
from mmseg_plugins.engine.protocols import NamesClasses
from mmseg_plugins.engine.runner.hook_switches import register_post_process

_RANDOM = '_not_in_the_checkpoint'  # attribute: parameters whose tensor in the checkpoint had another shape


class _ConfigOfModel:
    """``model.cfg``, stored as before; setting it is where a host's function hands over a network with its config."""

    def __get__(self, model: Any, owner: type | None = None) -> Any:
        if model is None:
            return self
        if 'cfg' not in vars(model):
            raise AttributeError('cfg')  # torch then raises its own
        return vars(model)['cfg']

    def __set__(self, model: Any, value: Any) -> None:
        vars(model)['cfg'] = value
        if not isinstance(value, (Config, ConfigDict)):
            return
        refuse_random_layers(model)
        use_as_in_runs(model, value)
        if 'dataset_meta' in vars(model):
            check_classes(model, value)

    def __delete__(self, model: Any) -> None:
        del vars(model)['cfg']


def use_as_in_runs(model: Any, cfg: Any) -> None:
    """Let the config's post-process refine what a network predicts from now on, once; and give maps their format."""
    from mmseg_plugins.engine.runner.outside_runs import post_process_of, use_memory_formats
    from mmseg_plugins.engine.runner.post_process import attach, detach

    use_memory_formats(model, cfg)
    post = post_process_of(cfg)
    if post is None:
        detach(model)
        return
    attach(model, post)
    print_log(f'{type(post).__name__} refines the predictions (post_process of the config)', 'current')


def refuse_random_layers(model: Any) -> None:
    """Raise where a checkpoint had another shape for a parameter, and nothing has changed the parameter since.

    Raises:
        UserError: listing them.
    """
    lines = [line for parameter, version, line in vars(model).pop(_RANDOM, ()) if parameter._version == version]
    if lines:
        raise misfit(lines)


def check_classes(model: Any, cfg: Any) -> None:
    """Compare the classes that a host's function found with the config's.

    For a checkpoint that names none the hosts take those of COCO or Cityscapes.  Where the network has as many classes
    as the config and not as many as those, the config's take their place.
    """
    from mmseg_plugins.engine.runner.post_process import attached

    post = attached(model)
    if isinstance(post, NamesClasses):
        model.dataset_meta = {**(model.dataset_meta or {}), **post.meta}
        return
    named = (model.dataset_meta or {}).get('classes')
    wanted = config_classes(cfg)
    numbers = {number.value for number in class_numbers(cfg.get('model') or {}) if number.counts == 'all'}
    if named and len(named) not in numbers and len(wanted) in numbers:
        model.dataset_meta = {**model.dataset_meta, **class_meta(cfg, {})}
        print_log(f'the {len(wanted)} classes of the config are taken: the network has no {len(named)}', 'current')
    elif named:
        warn_of_other_names(cfg, named)


def install() -> None:
    """Look at both places from here on; calling it again changes nothing."""
    if isinstance(vars(BaseModel).get('cfg'), _ConfigOfModel):
        return
    BaseModel.cfg = _ConfigOfModel()
    stock_load, stock_init, stock_hooks = checkpoint.load_state_dict, BaseInferencer._init_model, Runner.register_hooks

    @wraps(stock_load)
    def load(module: Any, state_dict: Any, strict: bool = False, logger: Any = None) -> None:
        network = module.module if is_model_wrapper(module) else module
        if isinstance(network, BaseModel):
            wrong = other_shapes(network, state_dict)
            if wrong and 'cfg' in vars(network):
                raise misfit(wrong.values())
            own = network.state_dict(keep_vars=True) if wrong else {}
            vars(network)[_RANDOM] = [(own[key], own[key]._version, line) for key, line in wrong.items()]
        stock_load(module, state_dict, strict, logger)

    @wraps(stock_init)
    def init_model(self: Any, cfg: Any, weights: str | None, device: str = 'cpu') -> Any:
        model = stock_init(self, cfg, weights, device)
        check_classes(model, cfg)
        return model

    @wraps(stock_hooks)
    def register_hooks(self: Any, default_hooks: Any = None, custom_hooks: Any = None) -> None:
        stock_hooks(self, default_hooks, custom_hooks)
        register_post_process(self)

    checkpoint.load_state_dict = load
    BaseInferencer._init_model = init_model
    Runner.register_hooks = register_hooks
