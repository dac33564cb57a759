"""Reading released files: torch's, MXNet's ``.params``, chainer's ``.npz``, Detectron's ``.pkl``.

No code in a file is run.
"""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmseg_plugins.engine.checkpoint.safe_load import allowed_globals, load_checkpoint_file
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.weights.mxnet_params import read_params


def read_torch(path: str | os.PathLike[str], keys: tuple[str, ...]) -> Mapping[str, Tensor]:
    """The state dict of a torch file.

    Args:
        path: The file.
        keys: Where the state dict may lie, in the order of search; ``''`` is the file itself.

    Raises:
        UserError: no such file.
        CheckpointFileError: the file is damaged, or asks for code to be run.
        UserError: there is no state dict at these places.
    """
    content = load_checkpoint_file(path)
    for key in keys:
        found = content.get(key) if key and isinstance(content, dict) else content
        if isinstance(found, dict) and _holds_tensors(found) and (found or key):
            return found
    places = ' or '.join(f'lies under {key!r}' if key else 'is the file itself' for key in keys)
    held = sorted(map(str, content))[:5] if isinstance(content, dict) else type(content).__name__
    raise UserError(f'found {held}.', rule=f'in such a file the state dict (names and tensors) {places}.',
                    fix='another NAME of the table, or save the state dict alone where the file was made.')


def read_mxnet(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Tensors of MXNet's ``.params``, see :mod:`mmseg_plugins.weights.mxnet_params`.

    Raises:
        UserError: no such file, another format, or a damaged file.
    """
    return {name: torch.from_numpy(array) for name, array in read_params(_existing(path)).items()}


def read_npz(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Tensors of a ``.npz`` of plain arrays.

    Raises:
        UserError: no such file, another format, or arrays of Python objects, which only running code could read.
    """
    path = _existing(path)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: torch.from_numpy(np.asarray(arrays[name])) for name in arrays.files}
    except (ValueError, TypeError, AttributeError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f'it cannot be read as a .npz of plain arrays: {error}.', fix='give another file.') from error


class _ArrayUnpickler(pickle.Unpickler):
    """Makes arrays of numbers and plain containers; every other name in the file is refused."""

    def find_class(self, module: str, name: str) -> Any:
        full = f'{module}.{name}'
        if full == '_codecs.encode':  # how Python 3 writes bytes for Python 2
            return _latin1
        if not module.startswith('numpy') or full not in allowed_globals():
            raise pickle.UnpicklingError(f'it names {full}, which is no array')
        return allowed_globals()[full]


def _latin1(text: str, encoding: str) -> bytes:
    if encoding != 'latin1':
        raise pickle.UnpicklingError(f'it encodes text as {encoding!r}')
    return text.encode('latin1')


def read_pickle(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Tensors of a pickled dict of arrays, alone or under ``'blobs'`` or ``'model'``, of Python 2 or 3.

    Raises:
        UserError: no such file, another format, or names of anything but arrays, which only running code could make.
    """
    path = _existing(path)
    try:
        with open(path, 'rb') as file:
            content = _ArrayUnpickler(file, encoding='latin1').load()
        for key in ('blobs', 'model'):
            content = content.get(key, content)
        return {str(name): torch.from_numpy(np.array(array)) for name, array in content.items() if name != '__author__'}
    except (pickle.UnpicklingError, ValueError, TypeError, AttributeError, EOFError, IndexError, KeyError,
            OverflowError, UnicodeDecodeError) as error:  # fmt: skip
        raise UserError(f'it cannot be read as a pickled dict of plain arrays: {error}.',
                        fix='give another file.') from error


def _existing(path: str | os.PathLike[str]) -> Path:
    if not Path(path).is_file():
        raise UserError(f'{path} does not exist.', fix='correct the path.')
    return Path(path)


def _holds_tensors(value: dict[Any, Any]) -> bool:
    return all(isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in value.items())
