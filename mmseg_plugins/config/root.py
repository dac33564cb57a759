"""The folder of this package's configs."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from mmseg_plugins.utils.errors import UserError


@cache
def config_root() -> Path:
    """The folder of this package's configs: inside an installed wheel, or next to the package in a clone.

    Raises:
        UserError: neither is there.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / '.mim' / 'configs', package.parent / 'configs'):
        if folder.is_dir():
            return folder.resolve()
    raise UserError(f'{package} was installed without its configs.', fix='install it again (pip install .)')
