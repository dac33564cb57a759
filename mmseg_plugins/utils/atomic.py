"""Files that are either whole or not there, also after a kill or on a full disk.

A file is written next to its target, flushed to the disk, then renamed over it
(one atomic step on a POSIX file system) and the folder's entry is flushed too.
A reader, or a run after a power cut, sees the old file or the new, never a part.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import socket
import time
import uuid
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

import torch

from mmseg_plugins.utils.errors import UserError

# ENOSPC: disk full; EDQUOT: the user's quota; EFBIG: the process's file size limit.
NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_TEMPORARY = re.compile(r'^\..+\.(?P<host>[0-9a-f]{8})-(?P<pid>\d+)-[0-9a-f]{8}\.partial$')
_DAY = 24 * 3600.0
_LONGEST = 200  # bytes of a target's name in its temporary one: file systems end at 255


class DiskFullError(UserError, OSError):
    """No room for a file; what was there before is untouched.  An OSError, as the writers of others expect."""


def atomic_write(path: str,
                 write: Callable[[IO[bytes]], Any],
                 needed: Callable[[], int] | None = None,
                 durable: bool = True) -> None:
    """Write a file so that it appears whole or not at all.

    Args:
        path: target; replaced if it exists.
        write: called with a binary file to fill.
        needed: gives the size in bytes, asked for only in the message of a full disk.
        durable: wait until the disk has it; without, a power cut may leave the old file, a kill of the process may not
            leave a part either way.

    Raises:
        DiskFullError: no space; the target is as it was and the partial file is gone.
    """
    folder = os.path.dirname(os.path.abspath(path))
    os.makedirs(folder, exist_ok=True)
    unique = f'{_host()}-{os.getpid()}-{uuid.uuid4().hex[:8]}'
    name = os.fsencode(os.path.basename(path))[:_LONGEST].decode(errors='ignore')
    temporary = os.path.join(folder, f'.{name}.{unique}.partial')
    recorder: _Recorder | None = None
    try:
        with open(temporary, 'wb') as file:
            recorder = _Recorder(file)
            write(recorder)  # type: ignore[arg-type]
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.replace(temporary, path)
        if durable:
            _sync_folder(folder)
    except BaseException as error:
        with suppress(OSError):
            os.remove(temporary)
        cause = error if isinstance(error, OSError) else recorder.error if recorder else None
        if cause is not None and cause.errno in NO_SPACE:
            raise disk_full(path, needed() if needed else None) from error
        raise


def atomic_write_bytes(path: str, data: bytes, durable: bool = True) -> None:
    """Write ``data`` whole or not at all; see :func:`atomic_write`."""
    atomic_write(path, lambda file: file.write(data), lambda: len(data), durable)


def atomic_save(obj: Any, path: str) -> None:
    """``torch.save`` straight into the file, whole or not at all, with no second copy in memory."""
    atomic_write(path, lambda file: torch.save(obj, file), lambda: tensor_bytes(obj))


def remove_leftovers(folder: str) -> list[str]:
    """Delete the partial files that killed writers left in ``folder``; returns their names.

    A file of a live process is left alone, as is one of another machine (on a
    shared disk) unless it is older than a day.
    """
    removed = []
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        match = _TEMPORARY.match(name)
        if match and _writer_is_gone(os.path.join(folder, name), match['host'], int(match['pid'])):
            with suppress(FileNotFoundError):
                os.remove(os.path.join(folder, name))
                removed.append(name)
    return removed


def disk_full(path: str, needed: int | None) -> DiskFullError:
    """The error that says which folder is full, how much is needed and what to do."""
    folder = os.path.dirname(os.path.abspath(path))
    free = shutil.disk_usage(folder).free if os.path.isdir(folder) else 0
    size = f'{needed:,} bytes needed, ' if needed is not None else ''
    return DiskFullError(
        f'no space left in {folder} for {os.path.basename(path)} ({size}{free:,} bytes free, quotas and file size '
        'limits not counted). Earlier checkpoints are untouched.',
        fix='free space or name another --work-dir, keep fewer checkpoints '
        '(default_hooks.checkpoint.max_keep_ckpts=1), then run the same command again to resume',
    )


@contextmanager
def explain_disk_full(folder: str) -> Iterator[None]:
    """Turn a bare "No space left on device" of any writer into :class:`DiskFullError`."""
    try:
        yield
    except DiskFullError:
        raise
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        raise disk_full(str(error.filename or os.path.join(folder, 'its log files')), None) from error


def tensor_bytes(obj: Any) -> int:
    """Bytes of all tensors in nested dicts, lists and tuples, shared storage counted once."""
    sizes: dict[int, int] = {}
    pending = [obj]
    while pending:
        item = pending.pop()
        if isinstance(item, torch.Tensor):
            storage = item.untyped_storage()
            sizes[storage.data_ptr()] = storage.nbytes()
        elif isinstance(item, dict):
            pending.extend(item.values())
        elif isinstance(item, (list, tuple)):
            pending.extend(item)
    return sum(sizes.values())


class _Recorder:
    """A file that remembers the error of a failed write: torch.save reports it as a bare RuntimeError."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.error: OSError | None = None

    def write(self, data: Any) -> int:
        try:
            return self._file.write(data)
        except OSError as error:
            self.error = error
            raise

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _host() -> str:
    return f'{zlib.crc32(socket.gethostname().encode()):08x}'


def _writer_is_gone(path: str, host: str, pid: int) -> bool:
    try:
        age = time.time() - os.path.getmtime(path)
    except FileNotFoundError:
        return False
    if age > _DAY:
        return True
    if host != _host():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _sync_folder(folder: str) -> None:
    # Not every system or file system can open or sync a folder; the rename itself is done.
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
