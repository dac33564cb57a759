"""A fixed sparse matrix times a tall dense one, with the exact adjoint, on any device.

``embedding_bag`` with a weight for each entry is such a product; on a CPU its compiled kernel reads a row of values in
one go and is several times faster than a compressed sparse row product.  Entries are grouped by the row that they add
to, so nothing is scattered: the result is the same in every run, on CUDA as well.

Shapes: R rows and K columns of the matrix, E entries, C channels.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor
from torch.autograd import Function
from torch.nn import functional as F


class Entries(NamedTuple):
    """One orientation of a fixed sparse matrix.

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


class FixedSparse(NamedTuple):
    """A matrix in both orientations; ``transposed`` must hold the same entries as ``rows``."""

    rows: Entries
    transposed: Entries

    def __call__(self, values: Tensor) -> Tensor:
        """(K, C) -> (R, C), differentiable in ``values``; their type is that of the weights."""
        return _Product.apply(values, self)

    @property
    def adjoint(self) -> FixedSparse:
        """The transposed matrix."""
        return FixedSparse(self.transposed, self.rows)


class _Product(Function):
    """The product; its backward pass is the product with the transposed matrix, which has a backward pass again."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, matrix: FixedSparse) -> Tensor:
        ctx.matrix = matrix
        return matrix.rows.times(values.detach().contiguous())  # detached: else both kernels are asked for gradients

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return ctx.matrix.adjoint(grad), None
