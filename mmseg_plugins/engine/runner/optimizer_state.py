"""Is the optimizer of a checkpoint the one of this config?  Asked before data sets are built.

torch loads any state whose groups have as many tensors: momentum buffers become Adam's without a word, or the first
step dies of ``KeyError: 'betas'``.  And it takes learning rate and weight decay of the file, whatever the config says.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmseg_plugins.engine.checkpoint.hook_states import check_averages
from mmseg_plugins.engine.checkpoint.safe_load import load_checkpoint_file
from mmseg_plugins.engine.runner.schedules import flat_schedulers
from mmseg_plugins.utils.errors import UserError

KINDS = 'training_kinds'  # in a checkpoint's meta: class names of optimizers and schedulers
#: Of a group: no settings, or ones of speed alone.
_NO_SETTINGS = frozenset({'params', 'lr', 'initial_lr', 'foreach', 'fused', 'capturable', 'differentiable'})


def training_kinds(wrapper: Any, schedulers: Any) -> dict[str, dict[str, list[str]]]:
    """Class names of the optimizers and of the schedulers, for the meta of a checkpoint."""
    return {KINDS: dict(optimizers=[type(one.optimizer).__name__ for _, one in _wrappers(wrapper)],
                        schedulers=[type(one).__name__ for one in flat_schedulers(schedulers)])}


def check_resumed(runner: Any, path: str) -> None:
    """Refuse to resume ``runner``, its optimizer built and its data not, from the checkpoint at ``path``.

    Raises:
        UserError: see :func:`check_same_training` and :func:`check_averages`.
    """
    path = os.path.expanduser(path)
    if not os.path.isfile(path):
        return  # an address, or missing: reading it says so
    checkpoint = load_checkpoint_file(path, mmap=True)
    described = runner.param_schedulers or []
    described = [described] if isinstance(described, dict) and 'type' in described else described
    listed = isinstance(described, list) and all(isinstance(one, dict) for one in described)
    names = [str(one.get('type')).rsplit('.', 1)[-1] for one in described] if listed else None
    check_same_training(runner.optim_wrapper, names, checkpoint, path)
    check_averages(checkpoint, runner.hooks, path)


def check_same_training(wrapper: Any, schedulers: Sequence[str] | None, checkpoint: Mapping[str, Any],
                        path: str) -> None:
    """Refuse a checkpoint of another optimizer, of other parameter groups, of or other schedules.

    Args:
        wrapper: The run's optimizer wrapper, built.
        schedulers: Class names of its schedulers; None where they are not known.
        checkpoint: As it was read.
        path: Of its file, for the message.

    Raises:
        UserError: naming both.
    """
    saved = checkpoint.get('optimizer')
    if saved is None:
        return
    kinds = (checkpoint.get('meta') or {}).get(KINDS) or {}
    wrappers = list(_wrappers(wrapper))
    here, there = _described(wrappers), _saved_groups(saved, [name for name, _ in wrappers])
    names = [type(one.optimizer).__name__ for _, one in wrappers]
    if kinds.get('optimizers', names) != names:
        _refuse(path, 'the optimizer ' + ', '.join(kinds['optimizers']), ', '.join(names))
    if here != there:
        _refuse(path, f'parameter groups of {_sizes(there)} tensors', f'of {_sizes(here)}')
    missing = sorted({key for name, one in wrappers for group, other in _pairs(one, saved, name)
                      for key in set(group) - set(other) - _NO_SETTINGS if key in one.optimizer.defaults
                      and key in _TELLING})
    if missing:
        _refuse(path, f'an optimizer without {", ".join(missing)}', ', '.join(names))
    if schedulers is not None and kinds.get('schedulers', schedulers) != schedulers:
        _refuse(path, f'the schedules {kinds["schedulers"]}', str(schedulers), 'param_scheduler')


#: Settings that tell one optimizer from another, whatever the version of torch.
_TELLING = frozenset({'momentum', 'betas', 'alpha', 'rho', 'lr_decay', 'centered', 'nesterov', 'amsgrad'})


def group_settings(wrapper: Any) -> list[dict[str, Any]]:
    """Settings of every parameter group as the config has them."""
    return [{key: value for key, value in group.items() if key != 'params'}
            for _, one in _wrappers(wrapper) for group in one.optimizer.param_groups]


def reapply_groups(wrapper: Any, settings: Sequence[Mapping[str, Any]], schedulers: Any) -> list[str]:
    """Give resumed groups the config's values again; returns what that changed, one text each.

    A learning rate that a schedule moves is scaled by new / old, so that the schedule goes on from where it stood.
    """
    changes: dict[str, None] = {}
    groups = [group for _, one in _wrappers(wrapper) for group in one.optimizer.param_groups]
    moved = {key.removeprefix('initial_') for group in groups for key in group if key.startswith('initial_')}
    for group, wanted in zip(groups, settings, strict=True):
        for key, value in wanted.items():
            if key in _NO_SETTINGS or key in moved or key.startswith('initial_') or group.get(key) == value:
                continue
            changes[f'{key}: {group.get(key)} in the checkpoint, {value} in the config'] = None
            group[key] = value
        old, new = (one.get('initial_lr', one['lr']) for one in (group, wanted))
        if old != new and ('initial_lr' in group) == ('initial_lr' in wanted):
            changes[f'lr: {old} in the checkpoint, {new} in the config'] = None
            group['lr'] = group['lr'] * new / old if old else new
            if 'initial_lr' in group:
                group['initial_lr'] = new
    for scheduler in flat_schedulers(schedulers) if changes else ():
        if scheduler.param_name == 'lr' and hasattr(scheduler, 'base_values'):
            scheduler.base_values = [group['initial_lr'] for group in scheduler.optimizer.param_groups]
    return list(changes)


def _wrappers(wrapper: Any) -> Iterator[tuple[str, Any]]:
    """The wrappers of one or several optimizers with their names; one alone has none."""
    if hasattr(wrapper, 'optim_wrappers'):
        yield from wrapper.optim_wrappers.items()
    else:
        yield '', wrapper


def _described(wrappers: Sequence[tuple[str, Any]]) -> list[list[int]]:
    return [[len(group['params']) for group in one.optimizer.param_groups] for _, one in wrappers]


def _saved_groups(saved: Mapping[str, Any], names: Sequence[str]) -> list[list[int]]:
    states = [saved if not name else saved.get(name) or {} for name in names]
    return [[len(group['params']) for group in state.get('param_groups', [])] for state in states]


def _pairs(one: Any, saved: Mapping[str, Any], name: str) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    state = saved if not name else saved.get(name) or {}
    yield from zip(one.optimizer.param_groups, state.get('param_groups', []), strict=False)


def _sizes(groups: Sequence[Sequence[int]]) -> str:
    shown = [one if len(one) <= 6 else [*one[:6], f'... ({len(one)} groups)'] for one in groups]
    return ', '.join(str(one).replace("'", '') for one in shown)


def _refuse(path: str, there: str, here: str, setting: str = 'optim_wrapper') -> None:
    raise UserError(
        f'{path}, from which this run would be resumed, has {there}; this config has {here}.',
        rule='a run is resumed with the optimizer, the parameter groups and the schedules that it began with.',
        fix=(
            f'the old {setting} (the config of the run is in its working folder); or --restart, or another --work-dir, '
            'to start anew, with load_from for the weights.'
        ),
    )
