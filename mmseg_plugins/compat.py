"""Which versions of the OpenMMLab stack the package accepts, and why not.

A version below the minimum raises with the remedy; one above the newest
tested only warns, since an upper bound that raises is what made the official
stack impossible to install in the first place.  Only metadata is read here,
nothing of the stack is imported.
"""

from __future__ import annotations

import warnings
from importlib import metadata
from typing import NamedTuple

from packaging.version import Version


class Requirement(NamedTuple):
    """One package of the stack: its two distributions and the version range."""

    name: str
    stock: str
    onedl: str | None
    minimum: str
    tested: str  # newest version that the test suite passed with, either line


STACK: tuple[Requirement, ...] = (
    Requirement('torch', 'torch', None, '2.0.0', '2.13.0'),
    Requirement('mmengine', 'mmengine', 'onedl-mmengine', '0.10.4', '0.10.12'),
    Requirement('mmcv', 'mmcv', 'onedl-mmcv', '2.1.0', '2.3.6'),
    Requirement('mmdet', 'mmdet', 'onedl-mmdetection', '3.3.0', '3.5.1'),
    Requirement('mmseg', 'mmsegmentation', 'onedl-mmsegmentation', '1.2.2', '1.4.2'),
)


def installed_version(distribution: str | None) -> str | None:
    """Version of an installed distribution, or None."""
    if distribution is None:
        return None
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def stack_problems() -> tuple[list[str], list[str]]:
    """Compare what is installed with :data:`STACK`.

    Returns:
        Two lists of one-line messages, each with its remedy: errors (training
        could not work) and warnings.
    """
    errors: list[str] = []
    notes: list[str] = []
    for req in STACK:
        stock, onedl = installed_version(req.stock), installed_version(req.onedl)
        if stock and onedl:
            notes.append(
                f'{req.stock} {stock} and {req.onedl} {onedl} are both installed and overwrite each other\'s '
                f'files. Remedy: pip uninstall -y {req.stock} {req.onedl}, then install one line again.'
            )
        version = stock or onedl
        if version is None:
            errors.append(f'{req.name} is not installed. Remedy: make setup (or pip install -r requirements.txt).')
            continue
        release = Version(version).release
        if release < Version(req.minimum).release:
            errors.append(
                f'{req.name} {version} is older than the minimum {req.minimum}. '
                f'Remedy: pip install "{req.stock}>={req.minimum}".'
            )
        elif release > Version(req.tested).release:
            notes.append(f'{req.name} {version} is newer than the newest tested one, {req.tested}; it may well work.')
    return errors, notes


def check_stack() -> None:
    """Raise ImportError below a minimum version, warn above the newest tested."""
    errors, notes = stack_problems()
    if errors:
        raise ImportError('mmseg_plugins cannot run with this installation:\n  ' + '\n  '.join(errors))
    for note in notes:
        warnings.warn(note, stacklevel=3)
