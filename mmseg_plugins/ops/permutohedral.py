"""Gaussian filtering of points with any features, in linear time, on the permutohedral lattice.

Paper: "Fast High-Dimensional Filtering Using the Permutohedral Lattice", Adams et al., Eurographics 2010.  The lattice
approximates the Gaussian; the results are those of sadeepj/crfasrnn_pytorch@24899c5 and lucasb-eyer/pydensecrf@2723c7f.

.. code-block:: none

    values (N, C) --splat--> vertices (M, C) --blur along axis 0..d--> vertices (M, C) --slice--> (N, C)

A lattice is built once for the points of an image and filters any number of values after that.

Shapes: N points, d feature dimensions, M vertices, C channels.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .fixed_sparse import Entries, FixedSparse
from .simplices import enclosing_simplices, group_points, lower_neighbours, packing_of, vertex_places


class PermutohedralLattice:
    """The lattice around a set of points, and its three linear maps.

    Args:
        features: (N, d), in units of the standard deviation: two points weigh exp(-|f_i - f_j|^2 / 2).  The filter
            computes in this type: float32, or float64.
        pad_to_multiple: The C++ originals take points four at a time and fill the last group with points at the origin,
            whose vertices take part in the blur; 4 gives their results for any N, 1 leaves such vertices out.

    Attributes:
        num_points, num_vertices: N and M.

    Raises:
        ValueError: features of a wrong shape, not finite, or too far apart (see :func:`.simplices.packing_of`).

    Memory: about 16 (d + 1) bytes a point and 12 (d + 1) a vertex, three times that while it is built.
    """

    def __init__(self, features: Tensor, *, pad_to_multiple: int = 1) -> None:
        _check(features, pad_to_multiple)
        with torch.no_grad():
            features = features.detach()
            if features.dtype != torch.float64:
                features = features.float()
            self.num_points, self.dimension = features.shape
            padding = -self.num_points % pad_to_multiple
            self._build(torch.cat([features, features.new_zeros(padding, self.dimension)]))

    def _build(self, features: Tensor) -> None:
        simplices = enclosing_simplices(features)
        packing = packing_of(simplices.cell)
        order, ends = group_points(simplices, packing)
        places = vertex_places(simplices, packing, order[ends[:-1]])  # (d + 1, P)
        small = len(features) * (self.dimension + 1) < 2**31
        integers = torch.int32 if small else torch.int64
        if len(features) != self.num_points:  # points of the padding have vertices, but no value
            real = order < self.num_points
            ends = F.pad(real.cumsum(0), (1, 0))[ends]
            order = order[real]
        vertices, members, starts, kept = [], [], [], []
        total = 0
        for row in places:  # one class of vertices at a time: no two classes share one
            place, by_place = torch.sort(row)
            new = F.pad(place[1:] != place[:-1], (1, 0), value=True)
            number = new.cumsum(0) - 1
            vertices.append(torch.empty_like(number).scatter_(0, by_place, number + total))  # (P,)
            members.append(by_place)
            starts.append(torch.nonzero(new).flatten())
            kept.append(place[new])
            total += len(kept[-1])
        self.num_vertices = total
        weights = simplices.weights[:self.num_points]
        counts = ends.diff()
        # by point: its d + 1 vertices
        of_point = torch.empty((self.num_points, self.dimension + 1), dtype=integers, device=features.device)
        of_point[order] = torch.stack(vertices, 1).to(integers).repeat_interleave(counts, 0)
        step = self.dimension + 1
        first = torch.arange(0, self.num_points * step + 1, step, dtype=integers, device=features.device)
        self._by_point = Entries(of_point.flatten(), weights.flatten(), first)
        self._by_vertex = _by_vertex(order, ends, members, starts, weights, integers)
        # by vertex and axis: itself and two neighbours; a row of zeros stands for those that are missing
        lower = lower_neighbours(kept, packing)
        self._blur_columns = _with_upper(lower).to(integers)
        ramp = torch.arange(0, 3 * total + 4, 3, dtype=integers, device=features.device)
        self._blur_start = ramp
        self._blur_weight = weights.new_tensor([1, 0.5, 0.5]).repeat(total + 1)

    def splat(self, scale: Tensor | None = None) -> FixedSparse:
        """Values (N, C) -> vertices (M + 1, C), the last one a row of zeros; ``scale`` (N,) multiplies values."""
        return FixedSparse(*self._scaled(scale, self._by_vertex, self._by_point))

    def slice(self, scale: Tensor | None = None) -> FixedSparse:
        """Vertices (M + 1, C) -> values (N, C), times ``scale`` (N,) and the lattice's constant 1 / (1 + 2^-d)."""
        constant = 1 / (1 + 2.0**-self.dimension)
        scale = self._by_point.weight.new_full((self.num_points,), constant) if scale is None else scale * constant
        by_vertex, by_point = self._scaled(scale, self._by_vertex, self._by_point)
        return FixedSparse(by_point, by_vertex)

    def blur(self, vertices: Tensor, reverse: bool = False) -> Tensor:
        """(M + 1, C) -> the same, along all axes; ``reverse`` is the adjoint, the axes from the last to the first."""
        axes = range(self.dimension, -1, -1) if reverse else range(self.dimension + 1)
        for axis in axes:
            entries = Entries(self._blur_columns[axis], self._blur_weight, self._blur_start)
            vertices = FixedSparse(entries, entries)(vertices)  # symmetric: if a is b's lower, b is a's upper neighbour
        return vertices

    def filter(self, values: Tensor, reverse: bool = False) -> Tensor:
        """Filter ``values``, differentiable in them; the backward pass is the exact adjoint.

        Args:
            values: (N, C), of any floating type; float32 (or float64, as the features) inside.
            reverse: The adjoint of the filter itself.

        Returns:
            (N, C) of the values' type: sum_j k(f_i, f_j) values_j with j = i included, not normalised.
        """
        inside = values.to(self._by_point.weight.dtype)
        if inside.dim() != 2 or len(inside) != self.num_points:
            raise ValueError(
                f'permutohedral lattice of {self.num_points} points: values of shape {tuple(values.shape)} do not fit; '
                'they are (points, channels)')
        return self.slice()(self.blur(self.splat()(inside), reverse)).to(values.dtype)

    @staticmethod
    def _scaled(scale: Tensor | None, by_vertex: Entries, by_point: Entries) -> tuple[Entries, Entries]:
        if scale is None:
            return by_vertex, by_point
        per_point = (by_point.weight.view(len(scale), -1) * scale[:, None]).flatten()
        per_vertex = by_vertex.weight * scale[by_vertex.column.long()]
        return by_vertex._replace(weight=per_vertex), by_point._replace(weight=per_point)


def permutohedral_filter(values: Tensor, features: Tensor, *, pad_to_multiple: int = 1) -> Tensor:
    """Filter once: ``PermutohedralLattice(features).filter(values)``.

    Args:
        values: (N, C).
        features: (N, d), in units of the standard deviation.
        pad_to_multiple: 4 for the results of the C++ originals where N is not a multiple of 4.

    Returns:
        (N, C).
    """
    return PermutohedralLattice(features, pad_to_multiple=pad_to_multiple).filter(values)


def _check(features: Tensor, pad_to_multiple: int) -> None:
    if features.dim() != 2 or features.size(0) == 0 or features.size(1) == 0:
        raise ValueError(
            f'permutohedral lattice: features of shape {tuple(features.shape)}; give at least one point: (points, '
            'dimensions)')
    if not features.is_floating_point():
        raise ValueError(f'permutohedral lattice: features of type {features.dtype}; give floating-point numbers')
    if not bool(torch.isfinite(features).all()):
        raise ValueError(
            'permutohedral lattice: features hold NaN or infinite numbers. Remedy: look at the image, and at the '
            'standard deviations, which must not be 0')
    if pad_to_multiple < 1:
        raise ValueError(f'permutohedral lattice: pad_to_multiple={pad_to_multiple} must be at least 1')


def _by_vertex(order: Tensor, ends: Tensor, members: list[Tensor], starts: list[Tensor], weights: Tensor,
               integers: torch.dtype) -> Entries:
    """The points of each vertex: those of its simplices, which lie side by side in ``order``."""
    columns, values, first = [], [], []
    done = 0
    for k, (simplex, start) in enumerate(zip(members, starts, strict=True)):
        counts = ends[simplex + 1] - ends[simplex]
        stop = counts.cumsum(0)
        shift = (ends[simplex] - stop + counts).repeat_interleave(counts)
        points = order[shift + torch.arange(len(order), device=order.device)]
        columns.append(points.to(integers))
        values.append(weights[points, k])
        first.append(((stop - counts)[start] + done).to(integers))
        done += len(order)
    end = first[0].new_full((2,), done)  # the last, empty one is the row of zeros
    return Entries(torch.cat(columns), torch.cat(values), torch.cat([*first, end]))


def _with_upper(lower: Tensor) -> Tensor:
    """(d + 1, M) -> (d + 1, 3 (M + 1)): each vertex, its lower and its upper neighbour; the last vertex has M only."""
    axes, total = lower.shape
    own = torch.arange(total + 1, device=lower.device).expand(axes, -1)
    lower = F.pad(lower, (0, 1), value=total)
    upper = torch.full_like(own, total).scatter_(1, lower, own)
    upper[:, total] = total  # where all those without a lower neighbour have written
    return torch.stack([own, lower, upper], 2).flatten(1)
