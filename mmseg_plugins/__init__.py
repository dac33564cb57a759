"""Segmentation systems that mmdetection and mmsegmentation never shipped.

Importing the package changes nothing: registries load their modules when a config first names a type of ours, and
``import mmseg_plugins.ops`` needs torch alone.  :func:`setup` prepares a process.  The command, the runner, the
predictor and ``load_config`` call it, and so does ``custom_imports = dict(imports=['mmseg_plugins'])`` of a config,
also under mmdet's and mmseg's own entry points.
"""

import sys

from mmseg_plugins.version import __version__

__all__ = ['__version__', 'setup']


def setup() -> None:
    """Prepare this process for the package; calling it again changes nothing.

    Checks the installed versions, lets mmcv find its operators, reads every checkpoint safely, and lets mmengine find
    the hosts' configs whatever their distribution is called.

    Raises:
        ImportError: a package of the stack is missing or too old.
    """
    from mmseg_plugins.engine.setup import setup_process

    setup_process()


def _named_by_a_config() -> bool:
    """Whether this import comes from a config's ``custom_imports``, not from Python code."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        frame = frame.f_back
        if frame.f_code.co_name == 'import_modules_from_strings':
            return True
    return False


if _named_by_a_config():
    setup()
