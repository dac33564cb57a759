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

    Args:
        owner: Whose arguments they are, for messages.
        given: Keyword arguments.
        renamed: Today's name of each former one.

    Raises:
        TypeError: an argument is given under both names.
    """
    result = dict(given)
    for old, new in renamed.items():
        if old in result:
            if new in result:
                raise TypeError(f'{owner}: {old}={result[old]!r} and {new}={result[new]!r} are the same argument. '
                                f'Fix: leave out {old}, its former name')
            warn_renamed(f'{old}= of {owner}', f'{new}=')
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
