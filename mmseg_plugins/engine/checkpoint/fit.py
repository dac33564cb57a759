"""Whether a checkpoint fits a model: its tensors by name and shape, and the classes that it was trained on."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from mmengine.config import Config

from mmseg_plugins.config.walk import leaf_datasets
from mmseg_plugins.utils.errors import UserError

_PREFIX = 'module.'  # what a parallel wrapper puts before every key
_COUNTER = 'num_batches_tracked'  # older checkpoints lack it, and inference never reads it


def class_meta(cfg: Config, checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """``classes`` and ``palette``: of the checkpoint, else of the config's ``metainfo``, else of its data set class."""
    found = saved_meta(checkpoint)
    sources: list[Mapping[str, Any]] = [found]
    for key in ('test_dataloader', 'val_dataloader', 'train_dataloader'):
        if cfg.get(key) is not None:
            for dataset in leaf_datasets(cfg[key]['dataset']):
                named = class_metainfo(dataset.get('type'), cfg.get('default_scope'))
                sources += [dataset.get('metainfo') or {}, named]
    for source in sources:
        if source.get('classes'):
            things = {'thing_classes': tuple(source['thing_classes'])} if source.get('thing_classes') else {}
            return {'classes': tuple(source['classes']), 'palette': source.get('palette'), **things}
    raise UserError(
        'neither the checkpoint nor the config names the classes.',
        fix="--cfg-options classes=\"('cat','dog')\" or metainfo=dict(classes=...) in the data set of the config",
    )


def saved_meta(checkpoint: Any) -> dict[str, Any]:
    """What a checkpoint says of its training data, in lower-case keys: ``classes``, ``palette``; empty without."""
    saved = (checkpoint.get('meta') or {}) if isinstance(checkpoint, Mapping) else {}
    named = saved.get('dataset_meta') or (saved if 'CLASSES' in saved else {})
    return {str(key).lower(): value for key, value in named.items()}


def warn_of_other_names(cfg: Config, named: Sequence[str] | None) -> None:
    """Warn in one line where a checkpoint names as many classes as the config, and others or in another order.

    Another number of classes needs no word here: the layers of the classes have another shape, which is an error.
    """
    wanted = config_classes(cfg)
    if not named or not wanted or len(named) != len(wanted) or tuple(named) == wanted:
        return
    at = next(i for i, pair in enumerate(zip(named, wanted, strict=True)) if pair[0] != pair[1])
    order = ' The names are the same in another order.' if sorted(named) == sorted(wanted) else ''
    warnings.warn(f'the checkpoint and the config name other classes: class {at} is {named[at]!r} in the checkpoint '
                  f'({_few(named)}) and {wanted[at]!r} in the config ({_few(wanted)}).{order} '
                  'Fix: give the config that the checkpoint was trained with.', stacklevel=3)


def config_classes(cfg: Config) -> tuple[str, ...]:
    """The class names of a config's data, empty where it has none."""
    try:
        return tuple(class_meta(cfg, {})['classes'])
    except UserError:
        return ()


def _few(names: Sequence[str]) -> str:
    return ', '.join(map(str, names[:5])) + (f', ... {len(names)} in all' if len(names) > 5 else '')


def class_metainfo(kind: Any, scope: str | None) -> Mapping[str, Any]:
    """``METAINFO`` of a registered data set type; a bare name is looked up in ``scope``."""
    from mmengine.registry import DATASETS

    with DATASETS.switch_scope_and_registry(scope) as registry:
        found = registry.get(kind) if isinstance(kind, str) else kind
    return getattr(found, 'METAINFO', None) or {}


def check_checkpoint(model: torch.nn.Module, checkpoint: str | os.PathLike[str] | None) -> None:
    """Whether a model that has parameters has a checkpoint, and one that has none does without.

    Raises:
        UserError: not so.
    """
    number = sum(parameter.numel() for parameter in model.parameters())
    if number and checkpoint is None:
        raise UserError(f'{type(model).__name__} has {number:,} parameters, and no checkpoint is named: they would be '
                        'random.', fix='give the .pth file; after training it lies in the working folder.')
    if not number and checkpoint is not None:
        raise UserError(f'{type(model).__name__} has no parameters, so that {os.fspath(checkpoint)} fills nothing.',
                        fix='leave the checkpoint out.')


def load_weights(model: torch.nn.Module, checkpoint: Any, name: str, allow_partial: bool) -> dict[str, list[str]]:
    """Copy a checkpoint's weights into a model.

    Returns:
        ``missing``, ``unexpected`` and ``mismatched`` keys, all empty when it fits.

    Raises:
        UserError: something does not fit and ``allow_partial`` is False, or nothing fits at all.
    """
    state, own = weights_of(checkpoint), model.state_dict()
    mismatched = [key for key in own if key in state and own[key].shape != state[key].shape]
    report = {
        'missing': [key for key in own if key not in state and not key.endswith(_COUNTER)],
        'unexpected': [key for key in state if key not in own],
        'mismatched': [f'{key}: checkpoint {_shape(state[key])}, model {_shape(own[key])}' for key in mismatched],
    }
    usable = {key: value for key, value in state.items() if key in own and key not in mismatched}
    if not usable or (any(report.values()) and not allow_partial):
        raise UserError(
            f'checkpoint {name} does not fit the model of the config:\n{format_report(report)}\n',
            fix='give the config that the checkpoint was trained with'
            + (' (nothing at all fits).' if not usable else ', or --allow-partial to use what fits.'),
        )
    model.load_state_dict({**own, **usable})
    return report


def weights_of(checkpoint: Any) -> dict[str, torch.Tensor]:
    """The tensors of a checkpoint by name, without the prefix of a parallel wrapper."""
    state = checkpoint.get('state_dict', checkpoint) if isinstance(checkpoint, Mapping) else {}
    return {key.removeprefix(_PREFIX): value for key, value in state.items() if isinstance(value, torch.Tensor)}


def refuse_other_shapes(model: torch.nn.Module, checkpoint: Any, name: str) -> None:
    """Raise where a checkpoint has a tensor of a model in another shape: other classes, or another network.

    mmengine passes over such tensors with a warning, and what they should have filled stays random.

    Raises:
        UserError: listing them.
    """
    wrong = other_shapes(model, weights_of(checkpoint))
    if wrong:
        raise misfit(wrong.values(), f'checkpoint {name}')


def other_shapes(model: torch.nn.Module, state: Mapping[str, Any]) -> dict[str, str]:
    """Keys that a model has in another shape, and both shapes in words."""
    own = model.state_dict()
    return {key: f'{key}: checkpoint {_shape(value)}, model {_shape(own[key])}' for key, value in state.items()
            if key in own and isinstance(value, torch.Tensor) and own[key].shape != value.shape}


def misfit(lines: Iterable[str], name: str = 'the checkpoint') -> UserError:
    """The error for what :func:`other_shapes` found."""
    return UserError(
        f'{name} does not fit the model of the config:\n{format_report(dict(mismatched=list(lines)))}\n',
        fix='give the config that the checkpoint was trained with; it lies in its working folder, with the numbers of '
        'classes filled in')


def format_report(report: Mapping[str, Sequence[str]], limit: int = 8) -> str:
    """Lines that name at most ``limit`` keys of each kind."""
    lines = []
    for kind, keys in report.items():
        if keys:
            lines.append(f'  {len(keys)} {kind}:')
            lines += [f'    {key}' for key in keys[:limit]]
            if len(keys) > limit:
                lines.append(f'    ... and {len(keys) - limit} more')
    return '\n'.join(lines)


def _shape(value: torch.Tensor) -> str:
    return 'x'.join(map(str, value.shape)) or 'scalar'
