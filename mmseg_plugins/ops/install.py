"""Where ``mmcv.ops`` finds its operators when mmcv was not compiled.

``mmcv.ops`` imports ``mmcv._ext``, an extension module that ``mmcv-lite`` (and onedl-mmcv built without operators) does
not have.  :func:`install_stand_in` writes ``mmcv/_ext.py`` next to mmcv's own files; it takes everything from
:mod:`mmseg_plugins.ops.mmcv_ext`.  From then on the environment behaves as if mmcv were compiled, in every process and
in any order of imports: our commands, mmdet's ``tools/train.py``, ``DetInferencer``, ``MMSegInferencer``.  ``make
setup`` runs it; by hand it is ``python -m mmseg_plugins.ops.install``.  A compiled ``mmcv._ext`` always wins: Python's
finder prefers an extension module to a ``.py`` of the same name in the same folder, and nothing is written where there
is one.

Where the file cannot be written, :func:`find_stand_in` (called by ``mmseg_plugins.setup()``) serves the same module to
the running process: a finder at the very end of ``sys.meta_path``, asked only after Python's own found nothing.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec
from pathlib import Path
from types import ModuleType

MODULE = 'mmcv._ext'
MARK = '"""Written by mmseg_plugins'
CONTENT = f'''{MARK} (python -m mmseg_plugins.ops.install): its operators, where mmcv was not compiled."""
from mmseg_plugins.ops.mmcv_ext import *  # noqa: F403
from mmseg_plugins.ops.mmcv_ext import __getattr__  # noqa: F401
'''


def install_stand_in(tell: Callable[[str], object] = print) -> Path | None:
    """Write ``mmcv/_ext.py`` if mmcv is there without compiled operators; the same again changes nothing.

    Args:
        tell: Gets one line that says what was done and why.

    Returns:
        The file, or None where none was needed (no mmcv, compiled mmcv) or possible (not ours to replace, a folder
        that is read only).
    """
    folder = mmcv_folder()
    if folder is None:
        tell('mmcv operators: mmcv is not installed, nothing to do')
        return None
    compiled = compiled_module(folder)
    if compiled:
        tell(f'mmcv operators: compiled ({compiled.name}), nothing to do')
        return None
    path = folder / '_ext.py'
    present = path.read_text(encoding='utf-8') if path.is_file() else None
    if present == CONTENT:
        tell(f'mmcv operators: mmseg_plugins (PyTorch), through {path}')
        return path
    if present is not None and not present.startswith(MARK):
        tell(f'mmcv operators: {path} is not from mmseg_plugins and stays. Fix: delete it, then run this again')
        return None
    try:
        _write(path, CONTENT)
    except OSError as error:
        tell(f'mmcv operators: cannot write {path} ({error.strerror}). mmseg_plugins finds its operators without the '
             "file, mmdet's and mmsegmentation's own tools do not. Fix: run this as the owner of the folder, or "
             'install in a virtual environment of your own')
        return None
    tell(f'mmcv operators: mmseg_plugins (PyTorch), written to {path}')
    return path


def mmcv_folder() -> Path | None:
    """Folder of the installed mmcv, which is not imported for that; None without one."""
    spec = importlib.util.find_spec('mmcv')
    if spec is None or spec.origin is None:  # without origin: a folder that an uninstalled mmcv left
        return None
    return Path(spec.origin).parent


def compiled_module(folder: Path) -> Path | None:
    """The compiled ``_ext`` in ``folder`` that this Python would load; None without one."""
    paths = (folder / f'_ext{suffix}' for suffix in EXTENSION_SUFFIXES)
    return next((path for path in paths if path.is_file()), None)


def stands_in(folder: Path) -> bool:
    """Whether this package's operators serve ``mmcv.ops``, by the file in ``folder`` or by this process's finder."""
    path = folder / '_ext.py'
    if path.is_file():
        return path.read_text(encoding='utf-8').startswith(MARK)
    return any(isinstance(finder, _Finder) for finder in sys.meta_path)


def find_stand_in() -> None:
    """Serve the stand-in as ``mmcv._ext`` to this process where nothing else does; again changes nothing."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())


def _write(path: Path, content: str) -> None:
    """Replace ``path`` at once, so that no process reads half of it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix='._ext', suffix='.tmp')
    try:
        with os.fdopen(handle, 'w', encoding='utf-8') as file:
            file.write(content)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except OSError:
        os.unlink(name)
        raise


class _Finder(MetaPathFinder):
    """Finds ``mmcv._ext``, and nothing else."""

    def find_spec(self, fullname: str, path: Sequence[str] | None,
                  target: ModuleType | None = None) -> ModuleSpec | None:
        return importlib.util.spec_from_loader(fullname, _Loader()) if fullname == MODULE else None


class _Loader(Loader):
    """Fills the module as the written file would."""

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(CONTENT, f'<{MODULE}>', 'exec'), module.__dict__)


if __name__ == '__main__':
    folder = mmcv_folder()
    done = install_stand_in()
    sys.exit(0 if done or folder is None or compiled_module(folder) else 1)
