"""Which fitted configs a measured source gives, and where: planned before anything is measured, written afterwards."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mmseg_plugins.config.marks import DATA_VARIABLES
from mmseg_plugins.config.paths import config_root
from mmseg_plugins.config.variables import uses_data_variables
from mmseg_plugins.planning.default_systems import DEFAULT_SYSTEMS
from mmseg_plugins.planning.fingerprint import Source
from mmseg_plugins.planning.fragment import fragment_text
from mmseg_plugins.planning.objects import Objects
from mmseg_plugins.planning.report import system_parts
from mmseg_plugins.utils.errors import UserError

RECORD = 'fit.json'


class FittedConfig(NamedTuple):
    """A config to be written: the model that it fits, and its ``_base_`` (or an example of one, to be filled in)."""

    path: Path
    model: Mapping[str, Any]
    base: str | None
    example: str
    head: list[str]
    variables: dict[str, Any]


def plan_configs(source: Source, out: Path, fragment: Path | None = None) -> list[FittedConfig]:
    """One config for a config with a model, one for each known system for a JSON, none for data alone.

    ``variables`` takes the data variables among the options, so that the config trains on the data that was measured;
    the other options belong to the command in its head.
    """
    model = source.cfg.get('model')
    if source.is_json:
        return [
            FittedConfig(
                out / f'{stem}.py', system.model, None, _example(system.example, out), [
                    f'{system.serves}.',
                    'Compared with COCO\'s settings; where yours already allow more (limits, queries), keep yours.',
                ], {}) for stem, system in DEFAULT_SYSTEMS.items()
        ]
    if model is None:
        return []
    path = fragment or out / f'{Path(source.name.rsplit("::", 1)[-1]).stem}_fitted.py'
    base = source.name if '::' in source.name else _relative(Path(source.name), path.parent)
    options = dict(source.options)
    known = DATA_VARIABLES if uses_data_variables(source.cfg) else ()
    variables = {key: options.pop(key) for key in known if key in options}
    train = ['python', 'tools/train.py', path.as_posix()]
    if options:
        train += ['--cfg-options', *(f'{key}={_option(value)}' for key, value in options.items())]
    return [FittedConfig(path, model, base, '', ['Train:', f'  {shlex.join(train)}'], variables)]


def refuse_foreign_files(configs: Sequence[FittedConfig], source: Source, out: Path) -> None:
    """Raise unless every target is free, or holds what was written there before.

    Raises:
        UserError: a target is the measured config itself, or was written or changed by somebody else.
    """
    if out.exists() and not out.is_dir():
        raise UserError(f'--out-dir {out} is a file.', rule='it must be a folder.', fix='name another.')
    ours = _recorded(out)
    for config in configs:
        if config.path.exists() and os.path.exists(source.name) and config.path.samefile(source.name):
            raise UserError(f'{config.path} is the config that is measured.', fix='another --fragment.')
        held = _digest(config.path.read_text(encoding='utf-8')) if config.path.exists() else None
        if held is not None and held != ours.get(_relative(config.path, out)):
            raise UserError(
                f'{config.path} exists and is not as this tool left it; nothing was written.',
                fix='another --out-dir (or --fragment), or move the file away.',
            )


def write_configs(
    configs: Sequence[FittedConfig], objects: Objects, source: Source, command: str, out: Path
) -> dict[str, str]:
    """Write the planned configs; returns path relative to ``out`` -> digest, for the record next to them."""
    measured = f'{len(objects):,} objects in {len(objects.inputs):,} inputs of {source.name}'
    facts = [f'Fitted to {measured} by', f'  {command}']
    written = {}
    for config in configs:
        entries = [entry for part in system_parts(objects, config.model) for entry in part.entries]
        head = [*facts, *config.head] if config.base else [config.head[0], *facts, *config.head[1:]]
        text = fragment_text(entries, head, config.base, config.example, config.variables)
        config.path.parent.mkdir(parents=True, exist_ok=True)
        config.path.write_text(text, encoding='utf-8')
        written[_relative(config.path, out)] = _digest(text)
    return written


def _example(name: str, folder: Path) -> str:
    return name if '::' in name else _relative(config_root() / name, folder)


def _relative(path: Path, folder: Path) -> str:
    """``path`` as seen from ``folder``; whole where a link leads to the folder, as ``..`` then has two meanings."""
    start, end = Path(os.path.abspath(folder)), Path(os.path.abspath(path))
    return (end if start != folder.resolve() else Path(os.path.relpath(end, start))).as_posix()


def _option(value: Any) -> str:
    return value if isinstance(value, str) else repr(value).replace(' ', '')


def _recorded(out: Path) -> dict[str, str]:
    try:
        return dict(json.loads((out / RECORD).read_text(encoding='utf-8')).get('files', {}))
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
