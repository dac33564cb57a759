"""One row of the table that compares operators with compiled mmcv's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

CPU, CUDA = 'cpu', 'cuda'


@dataclass(frozen=True)
class Case:
    """One row.

    Attributes:
        name: Operator and what is special about the inputs.
        inputs: Makes the tensors, float32 on the CPU; called anew for each run.
        call: Function of ``mmcv.ops`` with all its settings; returns tensors.
        leaves: Numbers of the inputs whose gradients are compared.
        tolerance: Largest difference, relative to the largest number compared; 0: equal to the bit.
        devices: Where compiled mmcv has a kernel to compare with.
    """

    name: str
    inputs: Callable[[], tuple[Tensor, ...]]
    call: Callable[..., Any]
    leaves: tuple[int, ...] = ()
    tolerance: float = 0.0
    devices: tuple[str, ...] = (CPU, CUDA)
