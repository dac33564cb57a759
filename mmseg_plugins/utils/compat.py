"""Which versions of the OpenMMLab stack the package accepts, and why not.

A version below the minimum raises with the fix; one above the newest
tested only warns, since an upper bound that raises is what made the official
stack impossible to install in the first place.  Only metadata is read here,
nothing of the stack is imported.
"""

from __future__ import annotations

import warnings
from importlib import metadata
from typing import NamedTuple

from packaging.version import Version

from mmseg_plugins.utils.errors import UserError


class StackError(UserError, ImportError):
    """The installed packages cannot run this one; an ImportError, as a missing package is."""


class Requirement(NamedTuple):
    """One package of the stack: its distributions on both lines and the version range.

    The first name of each line is the one that the set-up installs.
    """

    name: str
    stock: tuple[str, ...]
    onedl: tuple[str, ...]
    minimum: str
    tested: str  # newest version that the test suite passed with, either line


STACK: tuple[Requirement, ...] = (
    Requirement('torch', ('torch',), (), '2.0.0', '2.13.0'),
    Requirement('mmengine', ('mmengine',), ('onedl-mmengine',), '0.10.4', '0.10.12'),
    Requirement('mmcv', ('mmcv-lite', 'mmcv'), ('onedl-mmcv',), '2.1.0', '2.3.6'),
    Requirement('mmdet', ('mmdet',), ('onedl-mmdetection',), '3.3.0', '3.5.1'),
    Requirement('mmseg', ('mmsegmentation',), ('onedl-mmsegmentation',), '1.2.2', '1.4.2'),
)


def installed_version(distribution: str) -> str | None:
    """Version of an installed distribution, or None."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def stack_problems() -> tuple[list[str], list[str]]:
    """Compare what is installed with :data:`STACK`.

    Returns:
        Two lists of one-line messages, each with its fix: errors (training
        could not work) and warnings.
    """
    errors: list[str] = []
    notes: list[str] = []
    for req in STACK:
        present = [(name, version) for name in req.stock + req.onedl if (version := installed_version(name))]
        if len(present) > 1:
            named = ' and '.join(f'{name} {version}' for name, version in present)
            names = ' '.join(name for name, _ in present)
            notes.append(f'{named} are installed together and overwrite each other\'s files. '
                         f'Fix: pip uninstall -y {names}, then install one of them again.')
        if not present:
            errors.append(f'{req.name} is not installed. Fix: make setup (or pip install -r requirements.txt).')
            continue
        name, version = present[0]
        release = Version(version).release
        if release < Version(req.minimum).release:
            errors.append(
                f'{req.name} {version} is older than the minimum {req.minimum}. '
                f'Fix: pip install "{name}>={req.minimum}".'
            )
        elif release > Version(req.tested).release:
            notes.append(f'{req.name} {version} is newer than the newest tested one, {req.tested}; it may well work.')
    return errors, notes


def check_stack() -> None:
    """Raise :class:`StackError` below a minimum version, warn above the newest tested."""
    errors, notes = stack_problems()
    if errors:
        raise StackError('mmseg_plugins cannot run with this installation:\n  ' + '\n  '.join(errors))
    for note in notes:
        warnings.warn(note, stacklevel=3)
