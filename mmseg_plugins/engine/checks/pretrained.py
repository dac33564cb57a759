"""Did the file of ``init_cfg=dict(type='Pretrained')`` reach the module that names it?

mmengine reads such a file without insisting on its names.  One under another framework's names leaves every weight
random with nothing but a long warning, and with frozen batch norm such a backbone trains without a word.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any, NamedTuple

import torch
from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor, nn

from mmseg_plugins.engine.checks.known_files import ORIGINS, how_to_get
from mmseg_plugins.engine.checks.pixels import check_pixels
from mmseg_plugins.utils.errors import UserError

LEAST = 0.1  # of a module's parameters that a file must reach; new last layers are far fewer than the rest



class Pretrained(NamedTuple):
    """A module that names a file of initial weights, and the sum of each of its parameters before it was read."""

    path: str
    module: nn.Module
    settings: Mapping[str, Any]
    sums: dict[str, float]


@contextmanager
def check_pretrained(model: nn.Module) -> Iterator[None]:
    """Around ``init_weights`` of ``model``: files of initial weights must have reached the modules that name them.

    A parameter is reached if it changed, whatever the module calls it, or if the file has one of its name and shape.

    Raises:
        UserError: a file that a config of this package starts from is not there, is for other pixels or another
            variant of the network, or one reached less than a tenth of its module's parameters.
    """
    waiting = [] if getattr(model, '_is_init', False) else list(_pretrained(model, 'model'))
    for one in waiting:
        _check_is_there(one)
        check_pixels(model, one.path, os.fspath(one.settings['checkpoint']))
    yield
    for one in waiting:
        changed = {name for name, total in _sums(one.module).items() if total != one.sums[name]}
        origin = ORIGINS.get(os.path.basename(os.fspath(one.settings['checkpoint'])))
        whole = () if origin is None else origin.whole
        if len(changed) >= LEAST * len(one.sums) and not whole:
            continue
        weights = _weights_of(one.settings)
        wanted = dict(one.module.named_parameters())
        reached = changed | same_names_and_shapes(wanted, weights)
        if len(reached) < LEAST * len(wanted):
            raise UserError(_message(one, weights, wanted, len(reached)))
        left = [name for name in wanted if name.startswith(whole) and name not in reached] if whole else []
        if left:
            raise UserError(f'{one.settings["checkpoint"]} leaves {_some(dict.fromkeys(left))} of {one.path} random.',
                            rule='it holds these layers for the network that it was converted for.',
                            fix=how_to_get(os.fspath(one.settings['checkpoint'])))


def _check_is_there(one: Pretrained) -> None:
    """A file that is missing stops here only where it is known how to get it; the reader knows the others."""
    path = os.fspath(one.settings['checkpoint'])
    command = how_to_get(path)
    if command and '://' not in path and not os.path.isfile(os.path.expanduser(path)):
        raise UserError(f'{one.path} starts from {path}, which does not exist.',
                        fix=f'{command}, or name another file: init_cfg.checkpoint=FILE')


def same_names_and_shapes(wanted: Mapping[str, Tensor], given: Mapping[str, Any]) -> set[str]:
    """Names that both have, for tensors of the same shape."""
    return {
        name for name, tensor in wanted.items()
        if isinstance(given.get(name), Tensor) and given[name].shape == tensor.shape
    }


def _pretrained(module: nn.Module, path: str) -> Iterator[Pretrained]:
    """Modules with a file of their own; mmengine does not ask those below one that has read its own."""
    configs = getattr(module, 'init_cfg', None) or []
    for settings in configs if isinstance(configs, (list, tuple)) else [configs]:
        if isinstance(settings, Mapping) and settings.get('type') == 'Pretrained':
            yield Pretrained(path, module, settings, _sums(module))
            return
    for name, child in module.named_children():
        yield from _pretrained(child, f'{path}.{name}')


def _sums(module: nn.Module) -> dict[str, float]:
    return {name: float(p.detach().sum(dtype=torch.float64)) for name, p in module.named_parameters()}


def _weights_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The file's weights under the names that mmengine compares with the module's."""
    checkpoint = CheckpointLoader.load_checkpoint(settings['checkpoint'], 'cpu', logger='silent')
    weights = checkpoint.get('state_dict', checkpoint.get('model', checkpoint))
    prefix = settings.get('prefix') or ''
    prefix = prefix if not prefix or prefix.endswith('.') else f'{prefix}.'
    plain = {name.removeprefix('module.'): weight for name, weight in weights.items()}
    return {name.removeprefix(prefix): weight for name, weight in plain.items() if name.startswith(prefix)}


def _message(one: Pretrained, weights: Mapping[str, Any], wanted: Mapping[str, Tensor], reached: int) -> str:
    named = f'prefix={one.settings["prefix"]!r}: ' if one.settings.get('prefix') else ''
    return (f'{one.settings["checkpoint"]} reaches {reached} of the {len(wanted)} parameters of {one.path} '
            f'({type(one.module).__name__}), the others would stay random. {named}It has {_some(weights)}; '
            f'{one.path} wants {_some(wanted)}. Rule: the names and shapes of the module. Fix: convert the file '
            '(mmseg-plugins convert-weights), name another one, or the prefix of these weights in it (init_cfg.prefix)')


def _some(names: Mapping[str, Any]) -> str:
    return f'{", ".join(islice(names, 3))}, ... ({len(names)})' if names else 'nothing'
