"""Where configs lie, and which file a name means."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from mmseg_plugins.config.root import config_root
from mmseg_plugins.config.shipped import find_shipped, shipped_models
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.suggest import did_you_mean

#: The prefix by which configs of other folders inherit ours: ``_base_ = 'mmseg_plugins::panet/....py'``.
PREFIX = 'mmseg_plugins::'


def iter_configs() -> Iterator[Path]:
    """Every config that can be trained or tested, by folder and name; bases are left out."""
    for path in sorted(config_root().rglob('*.py')):
        if '_base_' not in path.parts:
            yield path


def resolve_config(name: str) -> str:
    """The path of a config that is given by path, by name, or as ``mmseg_plugins::...``.

    Args:
        name: ``configs/panet/panet_r18-path_1500it_shapes.py`` (from anywhere), ``panet_r18-path_1500it_shapes``, with
            or without ``.py``, ``mmseg_plugins::panet/....py``, or the name of a shipped model.  ``mmdet::...`` and
            ``mmseg::...`` stay as they are.

    Raises:
        UserError: there is no such config (the message lists near names), or it is a folder.
    """
    if name.startswith(PREFIX):
        path = config_root() / name.removeprefix(PREFIX)
        if path.is_file():
            return str(path)
        raise UserError(f'there is no config {name!r}{_near(path.name)}.', fix='mmseg-plugins list names all of them')
    if '::' in name or os.path.isfile(name):
        return name
    if (shipped := find_shipped(name)) is not None:
        return str(shipped.config)
    if os.path.isdir(name):
        raise UserError(f'config {name!r} is a folder.', fix='name one of the .py files in it')
    stem = name.removesuffix('.py')
    if stem == os.path.basename(stem):
        for path in iter_configs():
            if path.stem == stem:
                return str(path)
    parts = Path(name).parts
    if parts and parts[0] == 'configs' and (config_root() / Path(*parts[1:])).is_file():
        return str(config_root() / Path(*parts[1:]))  # as the documentation writes it, from another folder
    raise UserError(
        f'config file {name!r} does not exist{_near(os.path.basename(name))}.',
        fix='a path relative to the current folder, or a name of "mmseg-plugins list"',
    )


def inheritable_config(name: str) -> str:
    """The ``_base_`` of a config that is written elsewhere: a path, or ``mmseg_plugins::...`` for an installed one."""
    path = resolve_config(name)
    if '::' in path or not Path(path).resolve().is_relative_to(config_root()):
        return path
    if Path.cwd() in config_root().parents:
        return path
    return PREFIX + Path(path).resolve().relative_to(config_root()).as_posix()


def _near(name: str) -> str:
    return did_you_mean(name.removesuffix('.py'), [*(path.stem for path in iter_configs()), *shipped_models()])


def metafile_of(config: Path) -> Path:
    """The metafile of one of our configs; an ablation's or example's stands one folder above."""
    first, second = list(config.parents)[:2]
    return next((path for folder in (first, second) if (path := folder / 'metafile.yml').is_file()),
                first / 'metafile.yml')
