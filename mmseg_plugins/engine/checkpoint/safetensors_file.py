"""Reading and writing ``.safetensors``: a length, a JSON header of names, types, shapes and offsets, then the numbers.

Format: https://github.com/huggingface/safetensors#format .  Nothing in such a file can be run, and no
package is needed.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from typing import IO, Any

import torch
from torch import Tensor

SUFFIX = '.safetensors'
HEADER_BYTES = 8
LARGEST_HEADER = 100_000_000  # bytes; the format's own limit
DTYPES: dict[str, torch.dtype] = {
    'F64': torch.float64, 'F32': torch.float32, 'F16': torch.float16, 'BF16': torch.bfloat16, 'I64': torch.int64,
    'I32': torch.int32, 'I16': torch.int16, 'I8': torch.int8, 'U8': torch.uint8, 'BOOL': torch.bool}  # fmt: skip


#: The header's entry (JSON text) in which this package writes a checkpoint's ``meta``: config, classes, palette, ...
META = 'mmseg_plugins'
_ALIGNMENT = 8  # bytes; the numbers begin at a multiple of it


def read_safetensors(path: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, Any] | None]:
    """The tensors of a file on the CPU, by name, and the ``meta`` that this package wrote next to them, if any.

    Raises:
        ValueError: the file is cut short, or its header does not describe what follows it.
    """
    with open(path, 'rb') as file:
        length = int.from_bytes(file.read(HEADER_BYTES), 'little')
        if not 0 < length <= LARGEST_HEADER:
            raise ValueError(f'a header of {length} bytes')
        header: Any = json.loads(file.read(length).decode('utf-8'))
        data = bytearray(file.read())
    if not isinstance(header, dict):
        raise ValueError('its header is no table of tensors')
    text = (header.pop('__metadata__', None) or {}).get(META)
    meta = None if text is None else json.loads(text)
    if not isinstance(meta, (dict, type(None))):
        raise ValueError(f'{META} in its header is no table')
    return {name: _tensor(name, entry, data) for name, entry in header.items()}, meta


def write_safetensors(file: IO[bytes], tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> None:
    """Write tensors, and ``meta`` (whatever JSON can hold) into the header.

    Raises:
        ValueError: a tensor of a type that the format lacks.
    """
    names = {dtype: name for name, dtype in DTYPES.items()}
    header: dict[str, Any] = {'__metadata__': {'format': 'pt', META: json.dumps(meta)}}
    place = 0
    for name, tensor in tensors.items():
        if tensor.dtype not in names:
            raise ValueError(f'{name} is of type {tensor.dtype}, which safetensors lacks')
        size = tensor.numel() * tensor.element_size()
        header[name] = dict(dtype=names[tensor.dtype], shape=list(tensor.shape), data_offsets=[place, place + size])
        place += size
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % _ALIGNMENT)
    file.write(len(text).to_bytes(HEADER_BYTES, 'little') + text)
    for tensor in tensors.values():
        file.write(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())


def _tensor(name: str, entry: dict[str, Any], data: bytearray) -> Tensor:
    dtype, shape, (begin, end) = entry['dtype'], entry['shape'], entry['data_offsets']
    if dtype not in DTYPES:
        raise ValueError(f'{name} is of type {dtype!r}, which is not read')
    count = math.prod(shape)
    size = count * torch.empty((), dtype=DTYPES[dtype]).element_size()
    if not 0 <= begin <= end <= len(data) or end - begin != size:
        raise ValueError(f'{name} of shape {shape} needs {size} bytes, and it has those from {begin} to {end} of '
                         f'{len(data)}')
    if count == 0:
        return torch.empty(shape, dtype=DTYPES[dtype])
    # The numbers may begin at any byte, which frombuffer does not take for every type.
    return torch.frombuffer(data[begin:end], dtype=DTYPES[dtype]).reshape(shape)
