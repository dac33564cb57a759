"""Fitted values as a config in text style: each a variable with the measure that led to it, then the keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmseg_plugins.planning.planners import Entry


class _Name(str):
    """A variable's name, written without quotes."""


def fragment_text(
    entries: Sequence[Entry],
    head: Sequence[str],
    base: str | None,
    example: str = 'YOUR_CONFIG.py',
    variables: Mapping[str, Any] | None = None,
) -> str:
    """The text of the config.

    Args:
        entries: What to write; entries without a name are written at their keys.
        head: Lines of the comment at the top.
        base: Of ``_base_``; None writes a comment that asks for it and names the example.
        example: A config that may stand there.
        variables: Top-level variables to write before the fitted values.
    """
    lines = [f'# {line}'.rstrip() for line in head]
    lines += [f'_base_ = [{base!r}]'] if base else [
        '# Name the config to change, one of this structure:', f'# _base_ = [{example!r}]']
    if variables:
        lines += ['', *(f'{key} = {_value(value)}' for key, value in variables.items())]
    tree: dict[str, Any] = {}
    for entry in entries:
        if entry.name:
            lines += ['', f'# {entry.reason}.', f'{entry.name} = {_value(entry.value)}']
        for key in entry.keys:
            _put(tree, key.split('.'), _Name(entry.name) if entry.name else entry.value)
    if not tree:
        lines += ['', '# Nothing to change: the settings fit as they are.']
    for key, value in tree.items():
        lines += ['', f'{key} = {_tree(value, 0)}']
    return '\n'.join(lines) + '\n'


def _put(tree: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for key in path[:-1]:
        tree = tree.setdefault(key, {})
    tree[path[-1]] = value


def _value(value: Any) -> str:
    return repr(value)


def _tree(node: Any, depth: int) -> str:
    """Nested ``dict(...)``: one line where only leaves are inside, else a line a key."""
    if isinstance(node, _Name):
        return str(node)
    if not isinstance(node, dict):
        return _value(node)
    if all(not isinstance(value, dict) for value in node.values()):
        return f'dict({", ".join(f"{key}={_tree(value, 0)}" for key, value in node.items())})'
    indent = '    ' * (depth + 1)
    inner = ',\n'.join(f'{indent}{key}={_tree(value, depth + 1)}' for key, value in node.items())
    return f'dict(\n{inner})'
