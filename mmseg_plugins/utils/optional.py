"""Packages that only some functions need: imported when such a function runs, with one line where they are absent."""

from __future__ import annotations

import importlib
from types import ModuleType

from mmseg_plugins.utils.errors import UserError


def scikit_image(part: str) -> ModuleType:
    """The module ``skimage.<part>``.

    Raises:
        UserError: scikit-image is not installed.
    """
    try:
        return importlib.import_module(f'skimage.{part}')
    except ImportError as error:
        raise UserError(f'skimage.{part} is needed here, and scikit-image cannot be imported ({error}).',
                        fix='pip install scikit-image, or pip install "mmseg_plugins[classical]".') from error
