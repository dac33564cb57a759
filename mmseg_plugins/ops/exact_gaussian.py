"""Gaussian filtering of points with any features, exactly, in quadratic time: for small images and as a reference.

The permutohedral lattice (:mod:`.permutohedral`) approximates this sum; on small images they differ by a few per cent.

Shapes: N points, d feature dimensions, C channels.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

ELEMENTS = 2**24  # weights held at a time


class ExactGaussian:
    """The filter ``sum_j exp(-|f_i - f_j|^2 / 2) values_j``.

    Args:
        features: (N, d), in units of the standard deviation; float32 or float64 is the type of the computation.
        include_self: Whether a point's own value takes part (j = i), as in the lattice and the published CRFs.

    Raises:
        ValueError: features that are no (N, d) table of floating-point numbers.

    Memory: :data:`ELEMENTS` numbers, whatever N; nothing but the result is kept for the backward pass.
    """

    def __init__(self, features: Tensor, *, include_self: bool = True) -> None:
        if features.dim() != 2 or not features.is_floating_point():
            raise ValueError(
                f'ExactGaussian: features of shape {tuple(features.shape)} and type {features.dtype}; give '
                'floating-point (points, dimensions)')
        self.features = features.detach() if features.dtype == torch.float64 else features.detach().float()
        self.include_self = include_self

    @property
    def num_points(self) -> int:
        """N."""
        return len(self.features)

    def filter(self, values: Tensor) -> Tensor:
        """(N, C) -> (N, C), differentiable in the values."""
        if values.dim() != 2 or len(values) != self.num_points:
            raise ValueError(
                f'ExactGaussian of {self.num_points} points: values of shape {tuple(values.shape)} do not fit; they '
                'are (points, channels)')
        return _Product.apply(values.to(self.features.dtype), self).to(values.dtype)

    def times(self, values: Tensor) -> Tensor:
        """The product, block of rows by block of rows, without a gradient."""
        rows = max(1, ELEMENTS // self.num_points)
        blocks = []
        for some in self.features.split(rows):
            distance = torch.cdist(some, self.features, compute_mode='donot_use_mm_for_euclid_dist')
            blocks.append(distance.square_().mul_(-0.5).exp_() @ values)
        product = torch.cat(blocks)
        return product if self.include_self else product - values


class _Product(Function):
    """The matrix is symmetric: its own adjoint."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, gaussian: ExactGaussian) -> Tensor:
        ctx.gaussian = gaussian
        return gaussian.times(values.detach())

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return _Product.apply(grad, ctx.gaussian), None
