"""What hooks remember between validations: kept in the checkpoint, so that a kill does not make them forget.

mmengine keeps the best score (message hub) and EMA's weights; the early stopping's count of bad validations begins at 0
again, and a run that it had ended trains on.  A hook of any package takes part by ``state_dict()`` and
``load_state_dict()``, as torch's own objects do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mmengine.hooks import EarlyStoppingHook, EMAHook

from mmseg_plugins.engine.protocols import KeepsState
from mmseg_plugins.utils.errors import UserError

STOPPED = 'stopped_early'  # in the message hub: settings of the early stopping that ended the run, else None
_STOPPING_STATE = ('wait_count', 'best_score')


def hook_states(hooks: Iterable[Any]) -> dict[str, dict[str, Any]]:
    """State of every hook that has one, by ``Class`` or ``Class.1``, ``Class.2`` for further ones of that class."""
    states = {}
    for name, hook in _named(hooks):
        if isinstance(hook, EarlyStoppingHook):
            states[name] = {key: getattr(hook, key) for key in _STOPPING_STATE}
        elif isinstance(hook, KeepsState):
            states[name] = hook.state_dict()
    return states


def restore_hook_states(hooks: Iterable[Any], states: Mapping[str, Mapping[str, Any]]) -> None:
    """Give hooks back what :func:`hook_states` took; hooks that are new keep their first state."""
    for name, hook in _named(hooks):
        state = states.get(name)
        if state is None:
            continue
        if isinstance(hook, EarlyStoppingHook):
            for key in _STOPPING_STATE:
                setattr(hook, key, state[key])
        elif isinstance(hook, KeepsState):
            hook.load_state_dict(dict(state))


def check_averages(checkpoint: Mapping[str, Any], hooks: Iterable[Any], path: str) -> None:
    """Refuse to go on without ``EMAHook`` from its checkpoint, whose ``state_dict`` holds the averages.

    Raises:
        UserError: no hook would put the trained weights back.
    """
    if 'ema_state_dict' in checkpoint and not any(isinstance(hook, EMAHook) for hook in hooks):
        raise UserError(
            f'{path}, from which this run would be resumed, holds the averaged weights of EMAHook in place of the '
            'trained ones, and this config has no EMAHook.',
            fix='put EMAHook back into custom_hooks; or --restart, with load_from for the averaged weights.',
        )


def stopping_settings(hooks: Iterable[Any]) -> list[dict[str, Any]]:
    """The plain settings of every early stopping: a run that was stopped goes on when they change."""
    plain = (str, int, float, bool, type(None))
    return [
        {key: value for key, value in sorted(vars(hook).items()) if key not in _STOPPING_STATE
         and isinstance(value, plain)}
        for _, hook in _named(hooks) if isinstance(hook, EarlyStoppingHook)
    ]


def _named(hooks: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    seen: dict[str, int] = {}
    for hook in hooks:
        kind = type(hook).__name__
        number = seen[kind] = seen.get(kind, -1) + 1
        yield (f'{kind}.{number}' if number else kind), hook
