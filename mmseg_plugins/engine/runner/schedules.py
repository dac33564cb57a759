"""Schedules of a resumed run follow the config, not the checkpoint's copy of it.

A scheduler's saved state holds its progress and its settings alike.  Taking
both back, as mmengine does, silently ignores a raised ``max_iters``: the
learning rate stays where the old schedule ended.
"""

from __future__ import annotations

import inspect
from typing import Any

# Arguments of the constructors that are progress, or objects, rather than settings.
_NO_SETTINGS = frozenset({'self', 'optimizer', 'last_step', 'args', 'kwargs'})


def flat_schedulers(schedulers: Any) -> list[Any]:
    """The schedulers of one or several optimizers as one list."""
    if schedulers is None:
        return []
    groups = schedulers.values() if isinstance(schedulers, dict) else [schedulers]
    return [scheduler for group in groups for scheduler in group]


def settings_of(scheduler: Any) -> dict[str, Any]:
    """A built scheduler's attributes that carry the name of a constructor argument."""
    names = {name for kind in type(scheduler).__mro__[:-1] for name in inspect.signature(kind).parameters}
    return {key: value for key, value in vars(scheduler).items() if key in names - _NO_SETTINGS}


def reapply(schedulers: list[Any], settings: list[dict[str, Any]]) -> list[str]:
    """Give schedulers their settings back; returns what that changed, one text each."""
    changes = []
    for scheduler, values in zip(schedulers, settings, strict=True):
        for key, value in values.items():
            saved = getattr(scheduler, key)
            if saved != value:
                setattr(scheduler, key, value)
                changes.append(f'{type(scheduler).__name__}.{key}: {saved} in the checkpoint, {value} in the config')
    return changes
