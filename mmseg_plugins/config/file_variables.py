"""Variables of config files that act from the command line.

A text config computes with its variables while it is read::

    max_iters = 1000
    train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters)

``--cfg-options max_iters=20`` comes too late for ``train_cfg`` if it is merged afterwards, as mmengine does.  Here
the value takes the place of the right-hand side before the file is read, in the config and in each of its own bases
that assigns the name, so that everything computed from it follows.  ``mmseg_plugins::...`` names an own file as well;
bases named ``mmdet::...`` or ``mmseg::...`` are not touched.
"""

from __future__ import annotations

import ast
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

_BASE = '_base_'


def assigned_names(path: Path) -> set[str]:
    """Names that a text config or one of its own bases assigns at its top level, ``_base_`` left out.

    A file that is no text config of Python (JSON, YAML, ``with read_base():``, a syntax error) has none.
    """
    return {name for file in _own_files(path) for name in _assignments(file)} - {_BASE}


def read_with(path: Path, values: Mapping[str, Any]) -> Config:
    """Read a text config as if it and its own bases assigned these values.

    Args:
        path: A ``.py`` config file.
        values: Of names among :func:`assigned_names`; numbers, strings, None, lists and tuples of them.
    """
    with tempfile.TemporaryDirectory() as folder:
        copies = {file: Path(folder, str(number), file.name) for number, file in enumerate(_own_files(path))}
        for file, copy in copies.items():
            copy.parent.mkdir()
            copy.write_text(_substituted(file, values, copies), encoding='utf-8')
        cfg = Config.fromfile(copies[path.resolve()])
        text = cfg.text
    for file, copy in copies.items():
        text = text.replace(str(copy), str(file))
    return Config(cfg._cfg_dict, cfg_text=text, filename=str(path), env_variables=cfg.env_variables)


def _own_files(path: Path) -> list[Path]:
    """The config and its own bases, all of them once, the config first."""
    files: list[Path] = []
    waiting = [path.resolve()]
    while waiting:
        file = waiting.pop(0)
        if file not in files:
            files.append(file)
            waiting += [base for base in _bases(file).values() if base is not None]
    return files


def _bases(path: Path) -> dict[str, Path | None]:
    """What ``_base_`` names: the file of each base, None for a host's; a file that mmengine will refuse has none."""
    values = _assignments(path).get(_BASE, [])
    try:
        named = ast.literal_eval(values[-1]) if values else []
    except ValueError:
        return {}
    return {base: own_file(base, path.parent) for base in ([named] if isinstance(named, str) else named)}


def own_file(name: str, folder: Path) -> Path | None:
    """The file that a config's name means in a folder, None for a host's (``mmdet::...``)."""
    if '::' not in name:
        return (folder / name).resolve()
    if name.startswith('mmseg_plugins::'):
        return Path(Config._get_cfg_path(name, str(folder))[0]).resolve()
    return None


def _assignments(path: Path) -> dict[str, list[ast.expr]]:
    """Right-hand sides of ``name = ...`` at the top level of a text config."""
    if path.suffix != '.py' or not path.is_file():
        return {}
    try:
        body = ast.parse(path.read_text(encoding='utf-8')).body
    except (SyntaxError, ValueError):  # no text, or zero bytes in it
        return {}
    found: dict[str, list[ast.expr]] = {}
    for node in body:
        if isinstance(node, ast.With):  # read_base() of a pure Python config
            return {}
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, []).append(node.value)
    return found


def _substituted(path: Path, values: Mapping[str, Any], copies: Mapping[Path, Path]) -> str:
    """The text of a file with new right-hand sides, its own bases replaced by their copies."""
    assignments = _assignments(path)
    new = {name: repr(value) for name, value in values.items()}
    if _BASE in assignments:
        new[_BASE] = repr([name if file is None else str(copies[file]) for name, file in _bases(path).items()])
    text = path.read_bytes()
    starts = [0]  # of each line, in bytes, as ast counts columns
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    spans = [(starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset, new[name])
             for name in new for node in assignments.get(name, [])
             if node.end_lineno is not None and node.end_col_offset is not None]
    for begin, end, value in sorted(spans, reverse=True):
        text = text[:begin] + value.encode() + text[end:]
    # The copy lies elsewhere; what names the folder means the original's.
    return re.sub(r'\{\{\s*fileDirname\s*\}\}', path.parent.as_posix(), text.decode('utf-8'))
