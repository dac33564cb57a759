"""'Did you mean': near names for a message."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


def near_names(wrong: str, known: Iterable[str], most: int = 3) -> list[str]:
    """Names close to ``wrong``, letter case ignored, nearest first."""
    lower: dict[str, str] = {}
    for name in known:
        lower.setdefault(name.lower(), name)
    return [lower[match] for match in difflib.get_close_matches(wrong.lower(), lower, n=most, cutoff=0.6)]


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
