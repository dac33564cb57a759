"""The config inside a checkpoint, read as data: nothing of it is run."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from mmengine.config import Config

from mmseg_plugins.utils.errors import UserError


def embedded_config(checkpoint: Any, name: str) -> Config:
    """The config that a run or an export wrote into its checkpoint.

    mmengine runs the text as a program; this reads assignments of literals and ``dict(...)`` only, which is all that a
    resolved config has.

    Args:
        checkpoint: What was read from the file.
        name: Of the file, for the message.

    Raises:
        UserError: the checkpoint holds no config, or one with other statements.
    """
    text = (checkpoint.get('meta') or {}).get('cfg') if isinstance(checkpoint, Mapping) else None
    if not isinstance(text, str):
        raise UserError(f'{name} holds no config.', fix='name the config that it was trained with')
    try:
        values = {}
        for statement in ast.parse(text).body:
            if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
                raise ValueError(ast.unparse(statement)[:60])
            values[statement.targets[0].id] = _value(statement.value)
    except (SyntaxError, ValueError) as error:
        raise UserError(f'the config inside {name} is no plain one: {error}.',
                        fix='name the config that it was trained with') from error
    return Config(values)


def _value(node: ast.expr) -> Any:
    """A literal, or ``dict(key=literal)``, at any depth.

    Raises:
        ValueError: anything else.
    """
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == 'dict' and not node.args:
        return {str(keyword.arg): _value(keyword.value) for keyword in node.keywords if keyword.arg}
    if isinstance(node, ast.Dict):
        return {_value(key): _value(value) for key, value in zip(node.keys, node.values, strict=True) if key}
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        kind = {ast.List: list, ast.Tuple: tuple, ast.Set: set}[type(node)]
        return kind(_value(item) for item in node.elts)
    return ast.literal_eval(node)
