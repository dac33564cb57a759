"""Former names of types and arguments: accepted, with one warning that gives today's name."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

T = TypeVar('T', bound=type)


def warn_renamed(old: str, new: str) -> None:
    """Warn once that ``old`` is now written ``new``; both as they stand in a config."""
    warnings.warn(f'{old} is a former name. Fix: write {new}', FutureWarning, stacklevel=3)


def renamed_arguments(owner: str, given: Mapping[str, Any], renamed: Mapping[str, str]) -> dict[str, Any]:
    """``given`` keyword arguments under today's names.

    Of an argument under both names the former one counts: today's is then that of a base config, the former the user's.

    Args:
        owner: Whose arguments they are, for messages.
        given: Keyword arguments.
        renamed: Today's name of each former one.
    """
    result = dict(given)
    for old, new in renamed.items():
        if old in result:
            replaced = f' (which it replaces: {new}={result[new]!r})' if new in result else ''
            warn_renamed(f'{old}={result[old]!r} of {owner}', f'{new}={result[old]!r}{replaced}')
            result[new] = result.pop(old)
    return result


def accept_former_names(**renamed: str) -> Callable[[T], T]:
    """Class decorator: the constructor takes keyword arguments under former names, too.

    Args:
        renamed: Today's name of each former one, ``former='today'``.
    """

    def decorate(cls: T) -> T:
        init = vars(cls)['__init__']

        @functools.wraps(init)
        def wrapper(self: Any, *args: Any, **kwargs: Any) -> None:
            init(self, *args, **renamed_arguments(cls.__name__, kwargs, renamed))

        type.__setattr__(cls, '__init__', wrapper)
        return cls

    return decorate
