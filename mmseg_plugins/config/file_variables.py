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
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_plugins.config.marks import DATA_VARIABLES, marking_code
from mmseg_plugins.config.walk import make_plain

_BASE = '_base_'


@dataclass(frozen=True)
class Layers:
    """The own files of a config, the nearest to the reader first; their places are the numbers of the marks."""

    files: tuple[Path, ...] = ()
    options: frozenset[str] = frozenset()  # variables that the command line sets

    @cached_property
    def names(self) -> list[set[str]]:
        """What each file assigns."""
        return [set(_assignments(file)) for file in self.files]

    @cached_property
    def ancestors(self) -> list[set[int]]:
        """Numbers of the own files that each one inherits, at any depth."""
        return [{self.files.index(base) for base in _own_files(file)[1:]} for file in self.files]

    def assigner(self, name: str) -> int | None:
        """The nearest place that sets a variable: -1 is the command line, None no own file."""
        if name in self.options:
            return -1
        return next((number for number, names in enumerate(self.names) if name in names), None)

    def is_nearer(self, one: int | None, other: int | None) -> bool:
        """Whether ``one`` has the last word over ``other``; None is a host's file, the farthest."""
        if one == other or one is None or other == -1:
            return False
        return other is None or one == -1 or other in self.ancestors[one]

    def named(self, number: int | None) -> str:
        """A place in words."""
        return 'a file of the host' if number is None else 'the command line' if number < 0 else self.files[number].name


def assigned_names(path: Path) -> set[str]:
    """Names that a text config or one of its own bases assigns at its top level, ``_base_`` left out.

    A file that is no text config of Python (JSON, YAML, ``with read_base():``, a syntax error) has none.
    """
    return {name for file in _own_files(path) for name in _assignments(file)} - {_BASE}


def read_with(path: Path, values: Mapping[str, Any]) -> tuple[Config, Layers]:
    """Read a text config as if it and its own bases assigned these values, with a note of which file wrote what.

    A data variable that a child assigns takes the place of its bases' as well, so that what they compute follows.

    Args:
        path: A ``.py`` config file.
        values: Of names among :func:`assigned_names`; numbers, strings, None, lists and tuples of them.
    """
    layers = Layers(tuple(_own_files(path)))
    cfg = _read_copies(path, layers, lambda _: values)
    nearest = {name: layers.assigner(name) for name in DATA_VARIABLES if name not in values}
    again = {name: cfg[name] for name, number in nearest.items() if number is not None and _is_literal(cfg.get(name))
             and any(name in names for names in layers.names[number + 1:])}
    if not again:
        return cfg, layers
    return _read_copies(path, layers, lambda file: {
        **values, **{name: value for name, value in again.items() if layers.files[nearest[name] or 0] != file}}), layers


def _read_copies(path: Path, layers: Layers, values_of: Callable[[Path], Mapping[str, Any]]) -> Config:
    with tempfile.TemporaryDirectory() as folder:
        copies = {file: Path(folder, str(number), file.name) for number, file in enumerate(layers.files)}
        added = {}
        for number, (file, copy) in enumerate(copies.items()):
            copy.parent.mkdir()
            bases = [name if base is None else str(copies[base]) for name, base in _bases(file).items()]
            added[file] = (f'_base_ = {bases!r}\n' if bases else '', marking_code(number))
            text = added[file][0] + _substituted(file, values_of(file)) + added[file][1]
            copy.write_text(text, encoding='utf-8')
        cfg = Config.fromfile(copies[path.resolve()])
        text = cfg.text
    make_plain(cfg._cfg_dict)
    for file, copy in copies.items():
        head, tail = added[file]
        text = text.replace(f'{copy}\n{head}', f'{file}\n').replace(tail, '').replace(str(copy), str(file))
    return Config(cfg._cfg_dict, cfg_text=text, filename=str(path), env_variables=cfg.env_variables)


def is_layered(path: Path) -> bool:
    """Whether a file is a text config of Python with ``_base_`` or without any import: not a pure-Python one."""
    if path.suffix != '.py' or not path.is_file():
        return False
    files = _own_files(path)
    return all(_assignments(file) and (_bases(file) or not Config._is_lazy_import(str(file))) for file in files)


def _is_literal(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(_is_literal(item) for item in value)
    return value is None or isinstance(value, (str, int, float))


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
    values = [node.value for node in _assignments(path).get(_BASE, []) if isinstance(node, ast.Assign)]
    try:
        named = ast.literal_eval(values[0]) if values else []
    except ValueError:  # 'folder/' + 'file.py'
        try:
            named = Config._get_base_files(str(path))
        except Exception:  # whatever a computation raises; mmengine will raise it again
            return {}
    return {base: own_file(base, path.parent) for base in ([named] if isinstance(named, str) else named)}


def own_file(name: str, folder: Path) -> Path | None:
    """The file that a config's name means in a folder, None for a host's (``mmdet::...``)."""
    if '::' not in name:
        return (folder / name).resolve()
    if name.startswith('mmseg_plugins::'):
        return Path(Config._get_cfg_path(name, str(folder))[0]).resolve()
    return None


def _assignments(path: Path) -> dict[str, list[ast.stmt]]:
    """The statements that give a name of a text config's top level its value, in any form that Python has.

    ``a = 1``, ``a = b = 1``, ``a, b = 1, 2``, ``a: int = 1``, ``a += 1``, and these within ``if``, ``for``, ``try``.
    """
    if path.suffix != '.py' or not path.is_file():
        return {}
    try:
        return _assignments_of(path.read_text(encoding='utf-8'))
    except (SyntaxError, ValueError):  # no text, or zero bytes in it
        return {}


@lru_cache(maxsize=256)
def _assignments_of(text: str) -> dict[str, list[ast.stmt]]:
    """The statements of a text; reading one config asks a dozen times for those of each file.  Not to be changed."""
    waiting = list(ast.parse(text).body)
    found: dict[str, list[ast.stmt]] = {}
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.With):  # read_base() of a pure Python config
            return {}
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)) and node.value is not None:
            targets: list[ast.expr] = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = (part for target in targets for part in ast.walk(target) if isinstance(part, ast.Name))
            for name in names:
                if isinstance(name.ctx, ast.Store):  # not the ``a`` of a['key'] = 1
                    found.setdefault(name.id, []).append(node)
        elif isinstance(node, (ast.If, ast.For, ast.While, ast.Try)):
            inner = [*node.body, *node.orelse, *getattr(node, 'finalbody', ())]
            waiting += [*inner, *(one for handler in getattr(node, 'handlers', ()) for one in handler.body)]
    return found


def _substituted(path: Path, values: Mapping[str, Any]) -> str:
    """The text of a file in which names have new values: right-hand sides of ``name = ...``, else a statement more."""
    assignments = _assignments(path)
    text = path.read_bytes()
    starts = [0]  # of each line, in bytes, as ast counts columns
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def place(line: int | None, column: int | None) -> int:
        return starts[(line or 1) - 1] + (column or 0)

    spans = []
    for name, value in values.items():
        for node in assignments.get(name, []):
            end, right = place(node.end_lineno, node.end_col_offset), getattr(node, 'value', None)
            if right is not None and _gives_one_name(node):  # a right-hand side in brackets keeps them
                spans.append((place(right.lineno, right.col_offset), place(right.end_lineno, right.end_col_offset),
                              repr(value)))
            else:
                spans.append((end, end, f'; {name} = {value!r}'))
    for begin, end, new in sorted(spans, reverse=True):
        text = text[:begin] + new.encode() + text[end:]
    # The copy lies elsewhere; what names the folder means the original's.
    return re.sub(r'\{\{\s*fileDirname\s*\}\}', path.parent.as_posix(), text.decode('utf-8'))


def _gives_one_name(node: ast.stmt) -> bool:
    """``name = ...`` or ``name: type = ...``."""
    if isinstance(node, ast.Assign):
        return len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)
    return isinstance(node, ast.AnnAssign)
