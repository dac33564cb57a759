"""'Did you mean': near names for a message."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from pathlib import Path


def near_names(wrong: str,
               known: Iterable[str],
               most: int = 3,
               least: float = 0.6,
               part: Callable[[str], str] = str) -> list[str]:
    """Names close to ``wrong``, letter case ignored, nearest first.

    Args:
        most: How many.
        least: Least likeness, 0..1, by ``difflib``.
        part: What of a name is compared; with the last part of ``scope.Name``, all scopes' names are found.
    """
    spelled: dict[str, list[str]] = {}
    for name in dict.fromkeys(known):
        spelled.setdefault(part(name).lower(), []).append(name)
    close = difflib.get_close_matches(part(wrong).lower(), spelled, n=most, cutoff=least)
    return [name for match in close for name in spelled[match]][:most]


def last_part(name: str) -> str:
    """``Name`` of ``scope.Name``."""
    return name.rsplit('.', 1)[-1]


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """`` (did you mean 'a' or 'b'?)``, or nothing."""
    near = near_names(wrong, known)
    return f' (did you mean {" or ".join(repr(name) for name in near)}?)' if near else ''


def what_is_there(path: Path, folders: bool) -> str:
    """Which part of a missing path exists, and what lies there: a sentence for a message.

    Args:
        path: the path that does not exist.
        folders: list folders, otherwise files.
    """
    parent = path.parent
    while not parent.is_dir() and parent != parent.parent:
        parent = parent.parent
    if parent != path.parent:
        return f'{parent} exists, {path.relative_to(parent).parts[0]} in it does not.'
    names = sorted(entry.name for entry in parent.iterdir() if entry.is_dir() == folders)
    near = near_names(path.name, names) or names[:5]
    kind = 'folders' if folders else 'files'
    return f'{parent} holds the {kind} {", ".join(near)}.' if near else f'{parent} holds no {kind}.'
