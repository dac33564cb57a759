"""Reading checkpoint files without ever running code that a file brings along.

A checkpoint is a pickle, and unpickling calls whatever functions the file
names.  Here only names on a short allow-list resolve: tensors (torch's own
list), numpy arrays and scalars, mmengine's ``HistoryBuffer`` and a few plain
containers.  ``builtins.getattr``, which a saved ``HistoryBuffer`` needs for
its own statistics methods, is answered by a stand-in that knows nothing else.

torch >= 2.6 checks the list itself (``weights_only=True``).  Older releases
cannot be given names under an alias, and their own check had a way around it
(CVE-2025-32434), so there an unpickler of ours applies the same list.
"""

from __future__ import annotations

import argparse
import errno
import os
import pickle
import pickletools
import types
import zipfile
from collections.abc import Callable
from contextlib import nullcontext
from functools import lru_cache
from typing import IO, Any

import numpy as np
import torch
from mmengine.config import ConfigDict
from mmengine.logging import HistoryBuffer
from packaging.version import Version

from mmseg_plugins.engine.checkpoint.safetensors_file import SUFFIX, read_safetensors
from mmseg_plugins.utils.errors import UserError

FIX_UNSAFE = (
    'The file was not loaded and nothing in it was run. Fix: take the file from a source you trust that saves '
    'plain weights, or convert it where it was made: torch.save({"state_dict": model.state_dict()}, "weights.pth").'
)
MapLocation = str | torch.device | Callable[..., Any] | dict[str, str] | None
# A path, or an open binary file that can be read again from its start.
Source = str | os.PathLike[str] | IO[bytes]

_STATISTICS = frozenset({'min', 'max', 'current', 'mean'})


class CheckpointFileError(UserError):
    """A checkpoint file that cannot be used; the resume logic then tries the one before it."""


class UnsafeCheckpointError(CheckpointFileError):
    """The file names functions or classes outside the allow-list."""


class CorruptCheckpointError(CheckpointFileError):
    """The file is empty, cut short, damaged, or no checkpoint at all."""


def _history_statistic(owner: Any, name: Any) -> Any:
    """Answer ``getattr`` for the statistics methods of HistoryBuffer only."""
    if owner is HistoryBuffer and name in _STATISTICS:
        return getattr(HistoryBuffer, name)
    raise pickle.UnpicklingError(f'refused GLOBAL builtins.getattr({owner!r}, {name!r})')


def _plain_array(kind: Any, shape: Any, dtype: Any) -> np.ndarray:
    """numpy's ``_reconstruct`` for ``ndarray`` itself, not for subclasses."""
    if kind is not np.ndarray:
        raise pickle.UnpicklingError(f'refused GLOBAL numpy array type {kind!r}')
    return np.ndarray.__new__(np.ndarray, shape, dtype)


def _plain_scalar(dtype: Any, data: Any = None) -> Any:
    """numpy's ``scalar`` for types that hold no Python objects."""
    if not isinstance(dtype, np.dtype) or dtype.hasobject:
        raise pickle.UnpicklingError(f'refused GLOBAL numpy scalar of dtype {dtype!r}')
    raw = data.encode('latin-1') if isinstance(data, str) else data
    return np.frombuffer(raw, dtype=dtype, count=1)[0]


@lru_cache(maxsize=1)
def allowed_globals() -> dict[str, Any]:
    """Names a checkpoint may use besides torch's own list, and what answers them."""
    allowed: dict[str, Any] = {
        'mmengine.logging.history_buffer.HistoryBuffer': HistoryBuffer,
        'mmengine.config.config.ConfigDict': ConfigDict,
        'argparse.Namespace': argparse.Namespace,
        'builtins.getattr': _history_statistic,
        'builtins.slice': slice,
        'builtins.frozenset': frozenset,
        'numpy.ndarray': np.ndarray,
        'numpy.dtype': np.dtype,
    }
    # numpy 1 writes numpy.core, numpy 2 writes numpy._core; either may read the other's files.
    for core in ('numpy.core', 'numpy._core'):
        allowed[f'{core}.multiarray._reconstruct'] = _plain_array
        allowed[f'{core}.multiarray.scalar'] = _plain_scalar
    for code in '?bhilqBHILQefdFDgGSUmM':
        kind = type(np.dtype(code))
        allowed[f'{kind.__module__}.{kind.__qualname__}'] = kind
    return allowed


def load_checkpoint_file(path: Source, map_location: MapLocation = 'cpu', mmap: bool = False) -> Any:
    """Read one checkpoint, refusing everything outside the allow-list.

    Args:
        path: file name, or an open binary file.
        map_location: as :func:`torch.load`; None means ``'cpu'``, since loading
            into a model copies to the model's device anyway.
        mmap: map the tensors from disk instead of reading them (torch >= 2.1
            and zip files only; ignored otherwise).  Only the structure is then read.

    Returns:
        The saved object, a dict for every checkpoint of mmengine.

    Raises:
        CheckpointFileError: no such file.
        UnsafeCheckpointError: the file asks for a function or class outside the allow-list.
        CorruptCheckpointError: empty, truncated, damaged or no checkpoint.
    """
    _check_file(path)
    if isinstance(path, (str, os.PathLike)) and os.fspath(path).endswith(SUFFIX):
        return _load_safetensors(path, map_location)
    location = 'cpu' if map_location is None else map_location
    try:
        if _native_allow_list():
            return _load_native(path, location, mmap)
        return _load_restricted(path, location)
    except pickle.UnpicklingError as error:
        refused = refused_globals(path)
        if refused or 'GLOBAL' in str(error):
            raise UnsafeCheckpointError(_unsafe_message(path, refused, error)) from None
        raise CorruptCheckpointError(_corrupt_message(path, error)) from error
    except (EOFError, RuntimeError, ValueError, KeyError, IndexError, AttributeError, TypeError, OverflowError,
            AssertionError, ImportError, UnicodeDecodeError, zipfile.BadZipFile, OSError) as error:  # fmt: skip
        # What torch and pickle raise on damaged bytes is not of one type, an invalid seek (EINVAL) among them.
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise  # the disk's or the permissions' fault, not the file's
        refused = refused_globals(path)
        if refused:
            raise UnsafeCheckpointError(_unsafe_message(path, refused, error)) from None
        raise CorruptCheckpointError(_corrupt_message(path, error)) from error


def _load_safetensors(path: str | os.PathLike[str], map_location: MapLocation) -> dict[str, Any]:
    """Tensors by name, on the CPU unless a device is named; where ``meta`` is with them, a checkpoint as mmengine's."""
    try:
        tensors, meta = read_safetensors(path)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptCheckpointError(f'{path} cannot be read as safetensors: {error}.',
                                     fix='copy or download it again.') from error
    device = map_location if isinstance(map_location, (str, torch.device)) else 'cpu'
    tensors = {name: tensor.to(device) for name, tensor in tensors.items()}
    if meta is None:
        return tensors
    named = meta.get('dataset_meta')
    if isinstance(named, dict):  # JSON knows no tuples, and the hosts draw with nothing else
        meta['dataset_meta'] = {key: [tuple(color) for color in value] if key == 'palette' and isinstance(value, list)
                                else tuple(value) if isinstance(value, list) else value for key, value in named.items()}
    return dict(state_dict=tensors, meta=meta)


def refused_globals(path: Source) -> list[str]:
    """Names in the file's pickles that the allow-list lacks, found without unpickling."""
    known = set(allowed_globals()) | set(_torch_allowed())
    names: list[str] = []
    for data in _pickles(path):
        names += [name for name in _globals_of(data) if name not in known and name not in names]
    return names


def _native_allow_list() -> bool:
    return Version(torch.__version__).release >= (2, 6)


def _load_native(path: Source, location: Any, mmap: bool) -> Any:
    listed = [(answer, name) for name, answer in allowed_globals().items()]
    options = {'mmap': True} if mmap and isinstance(path, (str, os.PathLike)) and zipfile.is_zipfile(path) else {}
    before = set(torch.serialization.get_safe_globals())
    # safe_globals() removes on leaving what it was given, also what the user had added himself.
    new: list[Any] = [item for item in listed if item not in before]
    with torch.serialization.safe_globals(new) if new else nullcontext():
        return torch.load(path, map_location=location, weights_only=True, **options)


class _RestrictedUnpickler(pickle.Unpickler):
    """Resolves the same names as the list above, and no others."""

    def find_class(self, module: str, name: str) -> Any:
        full = _modern(f'{module}.{name}')
        known = {**_torch_allowed(), **allowed_globals()}
        if full not in known:
            raise pickle.UnpicklingError(f'refused GLOBAL {full}')
        return known[full]


def _load_restricted(path: Source, location: Any) -> Any:
    """Load through our own unpickler, for torch < 2.6."""
    module = types.ModuleType('mmseg_plugins_restricted_pickle')
    module.__dict__.update(
        Unpickler=_RestrictedUnpickler,
        UnpicklingError=pickle.UnpicklingError,
        load=lambda file, **kwargs: _RestrictedUnpickler(file, **kwargs).load(),
    )
    return torch.load(path, map_location=location, pickle_module=module)


def _torch_allowed() -> dict[str, Any]:
    from torch import _weights_only_unpickler as unpickler

    return unpickler._get_allowed_globals()  # type: ignore[no-any-return, unused-ignore]


def _check_file(path: Source) -> None:
    if not isinstance(path, (str, os.PathLike)):
        return
    if not os.path.isfile(path):
        folder = os.path.dirname(os.path.abspath(path))
        near = sorted(n for n in os.listdir(folder) if n.endswith('.pth'))[:8] if os.path.isdir(folder) else []
        there = f'checkpoints in {folder}: {", ".join(near)}' if near else f'{folder} holds no .pth file'
        raise CheckpointFileError(f'{path} can not be found ({there}).', fix='correct the path.')
    if os.path.getsize(path) == 0:
        raise CorruptCheckpointError(f'{path} is empty (0 bytes).', fix='take an earlier checkpoint.')


def _unsafe_message(path: Source, refused: list[str], error: Exception) -> str:
    names = ', '.join(refused) if refused else str(error).split('GLOBAL', 1)[-1].split('.\n')[0].strip()
    return (
        f'{_name(path)} asks to run or build {names}, which is not on the list of things a checkpoint may contain. '
        f'{FIX_UNSAFE}'
    )


def _corrupt_message(path: Source, error: Exception) -> str:
    head = _head(path)
    if head.startswith(b'version https://git-lfs'):
        reason = 'it is a git-lfs pointer, not the file itself (git lfs pull)'
    elif head.lstrip()[:1] == b'<':
        reason = 'it is a web page, probably an error page of the download'
    elif head.startswith(b'PK'):
        reason = 'the archive is cut short or damaged'
    else:
        reason = 'it is no torch checkpoint, or one that is cut short'
    first_line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    # torch goes on to advise weights_only off, which is the one thing not to do with a strange file.
    first_line = first_line.split('. In PyTorch 2.6')[0]
    return (
        f'{_name(path)} cannot be read as a checkpoint: {reason} ({first_line[:200]}). '
        'Fix: take an earlier checkpoint, or copy or download it again.'
    )


def _name(path: Source) -> str:
    return str(path) if isinstance(path, (str, os.PathLike)) else str(getattr(path, 'name', 'the checkpoint'))


def _head(path: Source, size: int = 64) -> bytes:
    if isinstance(path, (str, os.PathLike)):
        with open(path, 'rb') as file:
            return file.read(size)
    path.seek(0)
    return path.read(size)


def _pickles(path: Source) -> list[bytes]:
    """The pickle streams in a file: data.pkl of a zip, the whole file otherwise."""
    if not isinstance(path, (str, os.PathLike)):
        path.seek(0)
    if zipfile.is_zipfile(path):
        try:
            with zipfile.ZipFile(path) as archive:
                return [archive.read(name) for name in archive.namelist() if name.endswith('.pkl')]
        except (zipfile.BadZipFile, OSError, EOFError):
            return []
    if isinstance(path, (str, os.PathLike)):
        with open(path, 'rb') as file:
            return [file.read()]
    path.seek(0)
    return [path.read()]


def _globals_of(data: bytes) -> list[str]:
    """``module.name`` of each global in one or several pickles one after the other."""
    names: list[str] = []
    strings: list[str] = []
    start = 0
    while start < len(data):
        end = start
        try:
            for opcode, argument, position in pickletools.genops(data[start:]):
                end = start + (position or 0)
                if isinstance(argument, str) and opcode.name not in ('GLOBAL', 'INST'):
                    strings.append(argument)
                if opcode.name in ('GLOBAL', 'INST'):
                    names.append(_modern('.'.join(str(argument).split(' ', 1))))
                elif opcode.name == 'STACK_GLOBAL' and len(strings) >= 2:
                    names.append('.'.join(strings[-2:]))
        except (ValueError, IndexError, KeyError, UnicodeDecodeError, OverflowError, AssertionError):
            return names  # damaged from here on; what was seen still counts
        start = end + 1
    return names


def _modern(name: str) -> str:
    """Python 2's names of the builtins, which protocol 2 still writes."""
    for old, new in (('__builtin__.', 'builtins.'), ('copy_reg.', 'copyreg.')):
        if name.startswith(old):
            return new + name[len(old):]  # fmt: skip
    return name
