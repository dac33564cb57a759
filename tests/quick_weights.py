"""First weights from a table: to draw 100 million random numbers takes a second, to copy them a twentieth."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest import mock

import torch
from torch import Tensor

SIZE = 1_000_003  # a prime: channels begin at different places of the table


@cache
def _table(kind: str) -> Tensor:
    """A million random numbers, twice after each other."""
    made = torch.Generator().manual_seed(0)
    return (torch.rand if kind == 'uniform' else torch.randn)(SIZE, generator=made).repeat(2)


def _fill(tensor: Tensor, kind: str, scale: float, shift: float) -> Tensor:
    """Write numbers of the table, from a place that torch's generator draws."""
    if tensor.is_meta:
        return tensor
    start = int(torch.randint(SIZE, ()))
    numbers = _table(kind)[start:start + SIZE] * scale + shift
    flat = torch.empty(tensor.shape, dtype=tensor.dtype).view(-1) if not tensor.is_contiguous() else tensor.view(-1)
    for part in flat.split(SIZE):
        part.copy_(numbers[:len(part)])
    return tensor if tensor.is_contiguous() else tensor.copy_(flat.view(tensor.shape))


def _uniform(self: Tensor, a: float = 0.0, b: float = 1.0, *, generator: Any = None) -> Tensor:
    with torch.no_grad():
        return _fill(self, 'uniform', b - a, a)


def _normal(self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Tensor:
    with torch.no_grad():
        return _fill(self, 'normal', std, mean)


@contextmanager
def quick_weights() -> Iterator[None]:
    """Within it modules are built with weights of the same distributions; the numbers repeat after a million."""
    with mock.patch.object(Tensor, 'uniform_', _uniform), mock.patch.object(Tensor, 'normal_', _normal):
        yield
