"""Read MXNet's ``.params`` files with numpy alone; no code in the file is run.

The format, little-endian, as written by MXNDArraySave of https://github.com/apache/mxnet (src/ndarray/ndarray.cc)::

    uint64 0x112, uint64 0                      magic number of a list of arrays, reserved
    uint64 n, then n arrays                     see below
    uint64 n, then n of (uint64 length, bytes)  names such as 'arg:conv1_weight', 'aux:bn_conv1_moving_mean'

An array, in the three versions that exist for dense arrays::

    before 0.12  uint32 ndim, ndim x uint32 sides
    V1           uint32 0xF993FAC8, uint32 ndim, ndim x int64 sides
    V2, V3       uint32 0xF993FAC9 or 0xF993FACA, int32 storage type (0 dense), uint32 ndim, ndim x int64 sides
    all          nothing more if ndim is 0; else int32 device type, int32 device id, int32 type, the values in C order
"""

from __future__ import annotations

import os
import struct
from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mmseg_plugins.utils.errors import UserError

LIST_MAGIC = 0x112
V1, V2, V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA
DTYPES = {0: '<f4', 1: '<f8', 2: '<f2', 3: '|u1', 4: '<i4', 5: '|i1', 6: '<i8'}
MAX_NDIM = 32
MAX_NAME = 4096


class _Reader:
    """Numbers from a file, with errors that say where it ends."""

    def __init__(self, stream: BinaryIO, path: Path) -> None:
        self.stream, self.path = stream, path
        self.size = os.fstat(stream.fileno()).st_size

    def fail(self, problem: str) -> UserError:
        return UserError(
            f'{self.path}: {problem} (near byte {self.stream.tell()} of {self.size}). Rule: a list of arrays as MXNet '
            'saves it. Fix: download or save the file again.')

    def bytes(self, count: int) -> bytes:
        if count > self.size - self.stream.tell():
            raise self.fail(f'{count} bytes expected, {self.size - self.stream.tell()} left')
        return self.stream.read(count)

    def number(self, code: str) -> int:
        return struct.unpack(f'<{code}', self.bytes(struct.calcsize(code)))[0]

    def numbers(self, code: str, count: int) -> tuple[int, ...]:
        return struct.unpack(f'<{count}{code}', self.bytes(count * struct.calcsize(code)))


def read_params(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Name -> array, in the order of the file.

    Raises:
        FileNotFoundError: no such file.
        UserError: another format, a sparse array, an unknown type, or a damaged file.
    """
    with open(path, 'rb') as stream:
        reader = _Reader(stream, Path(path))
        if reader.size < 24 or reader.number('Q') != LIST_MAGIC:
            raise reader.fail('it does not begin with the number 0x112 of a list of arrays')
        reader.number('Q')
        arrays = [_array(reader) for _ in range(_count(reader))]
        names = [_name(reader) for _ in range(_count(reader))]
        if len(names) != len(arrays):
            raise reader.fail(f'{len(arrays)} arrays, but {len(names)} names')
        if len(set(names)) != len(names):
            raise reader.fail(f'names occur twice: {sorted({name for name in names if names.count(name) > 1})[:5]}')
        if stream.tell() != reader.size:
            raise reader.fail(f'{reader.size - stream.tell()} bytes after the last name')
    return dict(zip(names, arrays, strict=True))


def _count(reader: _Reader) -> int:
    count = reader.number('Q')
    if count * 4 > reader.size:  # an array or a name takes at least 4 bytes
        raise reader.fail(f'{count} entries announced, more than the file can hold')
    return count


def _name(reader: _Reader) -> str:
    length = reader.number('Q')
    if length > MAX_NAME:
        raise reader.fail(f'a name of {length} bytes announced')
    try:
        return reader.bytes(length).decode('utf-8')
    except UnicodeDecodeError as error:
        raise reader.fail(f'a name is no text: {error}') from error


def _array(reader: _Reader) -> np.ndarray:
    first = reader.number('I')
    if first in (V2, V3):
        storage = reader.number('i')
        if storage != 0:
            raise reader.fail(f'storage type {storage}, only dense arrays (0) can be read')
    current = first in (V1, V2, V3)
    ndim = reader.number('I') if current else first
    if ndim > MAX_NDIM:
        raise reader.fail(f'an array of {ndim} dimensions announced')
    if ndim == 0:
        return np.zeros(0, np.float32)  # "none" of MXNet
    shape = reader.numbers('q' if current else 'I', ndim)
    reader.numbers('i', 2)  # device type and id
    kind = reader.number('i')
    if kind not in DTYPES:
        raise reader.fail(f'type {kind}, known are {sorted(DTYPES)}')
    if min(shape) < 0:
        raise reader.fail(f'an array of the shape {shape}')
    dtype = np.dtype(DTYPES[kind])
    values = np.frombuffer(reader.bytes(prod(shape) * dtype.itemsize), dtype)
    return values.reshape(shape).copy()
