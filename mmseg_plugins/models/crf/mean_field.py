"""Mean field inference in a fully connected CRF with Gaussian kernels.

Paper: "Efficient Inference in Fully Connected CRFs with Gaussian Edge Potentials", https://arxiv.org/abs/1210.5644.
Original code: Krahenbuhl's second version, as in lucasb-eyer/pydensecrf@2723c7f.

Shapes: N pixels, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import torch
from torch import Tensor

from mmseg_plugins.ops.exact_gaussian import ExactGaussian
from mmseg_plugins.ops.permutohedral import PermutohedralLattice, slice_together

Normalization = Literal['symmetric', 'after', 'before', 'none']
NORMALIZATIONS = ('symmetric', 'after', 'before', 'none')
Mix = float | Tensor  # what a kernel's messages are multiplied with: a number, or (C, C) from the right
EPS = 1e-20


class Messages(Protocol):
    """Sum over kernels of ``filter(values) @ mix``."""

    def __call__(self, values: Tensor, mixes: Sequence[Mix]) -> Tensor:
        """(N, C) and one mix a kernel -> (N, C)."""
        ...


class LatticeMessages:
    """Messages through permutohedral lattices, which are built here, once.

    Args:
        features: One (N, d_m) a kernel, in units of the standard deviation.
        normalization: With n_i = sum_j k(f_i, f_j): ``symmetric`` D^-1/2 K D^-1/2, ``after`` D^-1 K, ``before`` K D^-1,
            ``none`` the filter as it is.  The same for all kernels, or one a kernel.
        pad_to_multiple: See :class:`~mmseg_plugins.ops.PermutohedralLattice`.
    """

    def __init__(self,
                 features: Sequence[Tensor],
                 normalization: Normalization | Sequence[Normalization] = 'symmetric',
                 *,
                 pad_to_multiple: int = 1) -> None:
        self.lattices = [PermutohedralLattice(one, pad_to_multiple=pad_to_multiple) for one in features]
        scales = [_scales(lattice, kind) for lattice, kind in zip(
            self.lattices, _per_kernel(normalization, len(self.lattices)), strict=True)]
        self.splats = [lattice.splat(before) for lattice, (before, _) in zip(self.lattices, scales, strict=True)]
        self.slice = slice_together(self.lattices, [after for _, after in scales])

    def __call__(self, values: Tensor, mixes: Sequence[Mix]) -> Tensor:
        """Mixing is linear, so it is done on the vertices, which are fewer than the pixels."""
        vertices = [_mixed(lattice.blur(splat(values)), mix)
                    for lattice, splat, mix in zip(self.lattices, self.splats, mixes, strict=True)]
        return self.slice(torch.cat(vertices) if len(vertices) > 1 else vertices[0])


class ExactMessages:
    """Messages by the exact sum over all pairs of pixels; for small images (see :class:`LatticeMessages`)."""

    def __init__(self,
                 features: Sequence[Tensor],
                 normalization: Normalization | Sequence[Normalization] = 'symmetric',
                 *,
                 include_self: bool = True) -> None:
        self.kernels = [ExactGaussian(one, include_self=include_self) for one in features]
        self.scales = [_scales(kernel, kind) for kernel, kind in zip(
            self.kernels, _per_kernel(normalization, len(self.kernels)), strict=True)]

    def __call__(self, values: Tensor, mixes: Sequence[Mix]) -> Tensor:
        """Filter by every kernel and add up."""
        total = torch.zeros_like(values)
        for kernel, (before, after), mix in zip(self.kernels, self.scales, mixes, strict=True):
            filtered = kernel.filter(values if before is None else values * before[:, None])
            total = total + _mixed(filtered if after is None else filtered * after[:, None], mix)
        return total


def mean_field(logits: Tensor, messages: Messages, mixes: Sequence[Mix], iterations: int) -> Tensor:
    """Repeat ``logits + messages(softmax(current), mixes)``, all pixels at once.

    Args:
        logits: (N, C), the negative unary energies; any constant may be added to a pixel's.
        messages: The kernels.
        mixes: Of each kernel: w for a Potts model of weight w, ``-M`` for a symmetric matrix M of compatibilities.
        iterations: 0 or more.

    Returns:
        (N, C), the logits of the last step; their softmax are the marginals.
    """
    current = logits
    for _ in range(iterations):
        current = messages(current.softmax(1), mixes).add_(logits)
    return current


def _mixed(values: Tensor, mix: Mix) -> Tensor:
    return values @ mix if isinstance(mix, Tensor) else values if mix == 1 else values * mix


def _per_kernel(normalization: Normalization | Sequence[Normalization], count: int) -> list[Normalization]:
    kinds = [normalization] * count if isinstance(normalization, str) else list(normalization)
    if len(kinds) != count or not set(kinds) <= set(NORMALIZATIONS):
        raise ValueError(f'normalization={normalization!r}: one of {NORMALIZATIONS}, or {count} of them, one a kernel')
    return kinds


def _scales(kernel: PermutohedralLattice | ExactGaussian, kind: Normalization) -> tuple[Tensor | None, Tensor | None]:
    """What values are multiplied with before and after the filter."""
    if kind == 'none':
        return None, None
    features = kernel.features if isinstance(kernel, ExactGaussian) else kernel.weights
    with torch.no_grad():
        norm = kernel.filter(features.new_ones(kernel.num_points, 1)).flatten() + EPS
    if kind == 'symmetric':
        return norm.rsqrt(), norm.rsqrt()
    return (None, 1 / norm) if kind == 'after' else (1 / norm, None)
