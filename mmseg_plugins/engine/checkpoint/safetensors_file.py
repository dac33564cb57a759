"""Reading ``.safetensors``: a length, a JSON header of names, types, shapes and offsets, then the numbers.

Format: https://github.com/huggingface/safetensors#format .  Nothing in such a file can be run, and no
package is needed.
"""

from __future__ import annotations

import json
import math
import os
from typing import Any

import torch
from torch import Tensor

SUFFIX = '.safetensors'
HEADER_BYTES = 8
LARGEST_HEADER = 100_000_000  # bytes; the format's own limit
DTYPES: dict[str, torch.dtype] = {
    'F64': torch.float64, 'F32': torch.float32, 'F16': torch.float16, 'BF16': torch.bfloat16, 'I64': torch.int64,
    'I32': torch.int32, 'I16': torch.int16, 'I8': torch.int8, 'U8': torch.uint8, 'BOOL': torch.bool}  # fmt: skip


def read_safetensors(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The tensors of a file on the CPU, by name.

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
    header.pop('__metadata__', None)
    return {name: _tensor(name, entry, data) for name, entry in header.items()}


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
