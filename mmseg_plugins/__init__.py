"""Segmentation systems that mmdetection and mmsegmentation never shipped.

Importing the package checks the installed stack once and registers nothing
heavy: the registries in :mod:`mmseg_plugins.registry` load their modules when
a config first names a ``mmseg_plugins.`` type.
"""

import warnings

from mmseg_plugins.compat import check_stack
from mmseg_plugins.version import __version__

__all__ = ['__version__']

# The stock mmengine imports pkg_resources; the notice of it repeats in every process and helps nobody.
warnings.filterwarnings('ignore', message='pkg_resources is deprecated', category=UserWarning)
check_stack()
