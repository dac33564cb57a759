"""A fixed sparse matrix times a tall dense one, with the exact adjoint, on any device.

``embedding_bag`` with a weight for each entry is such a product; on a CPU its compiled kernel reads a row of values in
one go and is several times faster than a compressed sparse row product.  Entries are grouped by the row that they add
to, so nothing is scattered: the result is the same in every run, on CUDA as well.

Shapes: R rows and K columns of the matrix, E entries, C channels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor
from torch.autograd import Function
from torch.nn import functional as F


class Entries(NamedTuple):
    """A sparse matrix, row by row.

    Attributes:
        column: (E,), int32 or int64, entries of one row side by side.
        weight: (E,).
        start: (R + 1,), where each row's entries begin; the type of ``column``.
    """

    column: Tensor
    weight: Tensor
    start: Tensor

    def times(self, values: Tensor) -> Tensor:
        """(K, C) -> (R, C), without a gradient."""
        return F.embedding_bag(
            self.column, values, self.start, mode='sum', per_sample_weights=self.weight, include_last_offset=True)


class FixedSparse:
    """A matrix that is applied often, and its transpose, which is made when a gradient first asks for it.

    Args:
        rows: The matrix.
        transpose: Gives the entries of its transpose.

    Shape:
        (K, C) -> (R, C), differentiable in the values, whose type is that of the weights.
    """

    def __init__(self, rows: Entries, transpose: Callable[[], Entries]) -> None:
        self.rows = rows
        self._transpose = transpose
        self._adjoint: FixedSparse | None = None

    def __call__(self, values: Tensor) -> Tensor:
        return _Product.apply(values, self)

    @property
    def adjoint(self) -> FixedSparse:
        """The transposed matrix."""
        if self._adjoint is None:
            self._adjoint = FixedSparse(self._transpose(), lambda: self.rows)
            self._adjoint._adjoint = self
        return self._adjoint


class _Product(Function):
    """The product; its backward pass is the product with the transposed matrix, which has a backward pass again."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, matrix: FixedSparse) -> Tensor:
        ctx.matrix = matrix
        return matrix.rows.times(values.detach().contiguous())  # detached: else both kernels are asked for gradients

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return ctx.matrix.adjoint(grad), None
