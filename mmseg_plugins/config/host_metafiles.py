"""The hosts' metafiles and packages, by which mmengine finds what ``mmdet::...`` and ``mmseg::...`` mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from mmengine.config import config, utils
from mmengine.fileio import load

#: Reads a metafile; the files of installed packages do not change while a process lives.
_read = cache(load)

#: Packages that are installed.  Stock mmengine reads the whole list of installed packages for each question.
_INSTALLED: set[str] = set()


@contextmanager
def metafiles_read_once() -> Iterator[None]:
    """Within it mmengine reads each metafile of a host, and looks for its package, once in a process.

    By itself it does both for every base that names a host's config, which takes most of the time of reading a config.
    Outside everything is as before.
    """
    before: Any = utils.load
    ask: Any = config.is_installed

    def is_installed(package: str) -> bool:
        if package not in _INSTALLED and ask(package):
            _INSTALLED.add(package)
        return package in _INSTALLED

    utils.load, config.is_installed = _read, is_installed
    try:
        yield
    finally:
        utils.load, config.is_installed = before, ask
