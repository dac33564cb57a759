"""The hosts' metafiles, by which mmengine finds what ``mmdet::...`` and ``mmseg::...`` mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from mmengine.config import utils
from mmengine.fileio import load

#: Reads a metafile; the files of installed packages do not change while a process lives.
_read = cache(load)


@contextmanager
def metafiles_read_once() -> Iterator[None]:
    """Within it mmengine reads each metafile of a host once in a process.

    By itself it reads all of a host's for every base that names one of its configs, which takes most of the time of
    reading a config.  Outside everything is as before.
    """
    before: Any = utils.load
    utils.load = _read
    try:
        yield
    finally:
        utils.load = before
