"""Gaussian filtering of points with any features, in linear time, on the permutohedral lattice.

Paper: "Fast High-Dimensional Filtering Using the Permutohedral Lattice", Adams et al., Eurographics 2010.  The lattice
approximates the Gaussian; the results are those of sadeepj/crfasrnn_pytorch@24899c5 and lucasb-eyer/pydensecrf@2723c7f.

.. code-block:: none

    values (N, C) --splat--> vertices (M, C) --blur along axis 0..d--> vertices (M, C) --slice--> (N, C)

A lattice is built once for the points of an image and filters any number of values after that.

Shapes: N points, d feature dimensions, M vertices, C channels.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from .fixed_sparse import Entries, FixedSparse
from .simplices import Packing, enclosing_simplices, group_points, lower_neighbors, packing_of, vertex_places


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
        places = vertex_places(simplices, packing, order.index_select(0, ends[:-1]))  # (d + 1, P)
        if len(features) != self.num_points:  # points of the padding have vertices, but no value
            real = order < self.num_points
            ends = F.pad(real.cumsum(0), (1, 0))[ends]
            order = order[real]
        vertices, lower = _number_vertices(places, packing, order.index_select(0, ends[:-1].clamp(max=len(order) - 1)))
        self.num_vertices = lower.size(1)
        integers = torch.int32 if len(features) * (self.dimension + 1) < 2**31 else torch.int64
        weights = simplices.weights[:, :self.num_points].t().flatten()
        self._by_point = _by_point(order, ends, vertices.to(integers), weights)
        self._by_vertex = _by_vertex(order, ends, vertices, self.num_vertices, weights, integers)
        # by vertex and axis: itself and two neighbors; a row of zeros stands for those that are missing
        start = torch.arange(0, 3 * self.num_vertices + 4, 3, dtype=integers, device=features.device)
        weight = features.new_tensor([1, 0.5, 0.5]).repeat(self.num_vertices + 1)
        self._blurs = [_symmetric(Entries(column, weight, start)) for column in _with_upper(lower).to(integers)]

    @property
    def weights(self) -> Tensor:
        """(N, d + 1), barycentric, of each point's vertices."""
        return self._by_point.weight.view(self.num_points, -1)

    def splat(self, scale: Tensor | None = None) -> FixedSparse:
        """Values (N, C) -> vertices (M + 1, C), the last one a row of zeros; ``scale`` (N,) multiplies values."""
        return FixedSparse(self._vertex_entries(scale), lambda: self._point_entries(scale))

    def slice(self, scale: Tensor | None = None) -> FixedSparse:
        """Vertices (M + 1, C) -> values (N, C), times ``scale`` (N,) and the lattice's constant 1 / (1 + 2^-d)."""
        constant = 1 / (1 + 2.0**-self.dimension)
        factor = self.weights.new_full((self.num_points,), constant) if scale is None else scale * constant
        return FixedSparse(self._point_entries(factor), lambda: self._vertex_entries(factor))

    def _point_entries(self, scale: Tensor | None) -> Entries:
        if scale is None:
            return self._by_point
        return self._by_point._replace(weight=(self.weights * scale[:, None]).flatten())

    def _vertex_entries(self, scale: Tensor | None) -> Entries:
        if scale is None:
            return self._by_vertex
        return self._by_vertex._replace(
            weight=self._by_vertex.weight * scale.index_select(0, self._by_vertex.column))

    def blur(self, vertices: Tensor, reverse: bool = False) -> Tensor:
        """(M + 1, C) -> the same, along all axes; ``reverse`` is the adjoint, the axes from the last to the first."""
        axes = range(self.dimension, -1, -1) if reverse else range(self.dimension + 1)
        for axis in axes:
            # symmetric: if a is b's lower neighbor, b is a's upper one
            vertices = self._blurs[axis](vertices)
        return vertices

    def filter(self, values: Tensor, reverse: bool = False) -> Tensor:
        """Filter ``values``, differentiable in them; the backward pass is the exact adjoint.

        Args:
            values: (N, C), of any floating type; float32 (or float64, as the features) inside.
            reverse: The adjoint of the filter itself.

        Returns:
            (N, C) of the values' type: sum_j k(f_i, f_j) values_j with j = i included, not normalized.
        """
        inside = values.to(self.weights.dtype)
        if inside.dim() != 2 or len(inside) != self.num_points:
            raise ValueError(
                f'permutohedral lattice of {self.num_points} points: values of shape {tuple(values.shape)} do not fit; '
                'they are (points, channels)')
        return self.slice()(self.blur(self.splat()(inside), reverse)).to(values.dtype)


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


def _symmetric(entries: Entries) -> FixedSparse:
    return FixedSparse(entries, lambda: entries)


def _check(features: Tensor, pad_to_multiple: int) -> None:
    if features.dim() != 2 or features.size(0) == 0 or features.size(1) == 0:
        raise ValueError(
            f'permutohedral lattice: features of shape {tuple(features.shape)}; give at least one point: (points, '
            'dimensions)')
    if not features.is_floating_point():
        raise ValueError(f'permutohedral lattice: features of type {features.dtype}; give floating-point numbers')
    if not bool(torch.isfinite(features).all()):
        raise ValueError(
            'permutohedral lattice: features hold NaN or infinite numbers. Fix: look at the image, and at the '
            'standard deviations, which must not be 0')
    if pad_to_multiple < 1:
        raise ValueError(f'permutohedral lattice: pad_to_multiple={pad_to_multiple} must be at least 1')


def _number_vertices(places: Tensor, packing: Packing, first_point: Tensor) -> tuple[Tensor, Tensor]:
    """Find equal vertices, and number them by the first point that each one serves.

    That order keeps the rows of neighboring points and vertices in the processor's caches: a splat of an image takes
    half the time that it takes in the order of the places.

    Args:
        places: (d + 1, P), row k holding each simplex's vertex of class k.
        packing: Of the places.
        first_point: (P,), the first point of each simplex.

    Returns:
        The vertices' numbers (P, d + 1), and each vertex's lower neighbors (d + 1, M), M where there is none.
    """
    classes, numbers = [], []
    total = 0
    for row in places:  # one class at a time: no two classes share a vertex
        place, simplex = torch.sort(row)
        new = F.pad(place[1:] != place[:-1], (1, 0), value=True)
        number = new.cumsum(0) + (total - 1)
        numbers.append(torch.empty_like(number).scatter_(0, simplex, number))
        classes.append(place[new])
        total += len(classes[-1])
    old = torch.stack(numbers, 1)  # (P, d + 1)
    served = first_point.new_full((total,), torch.iinfo(torch.int64).max)
    served.scatter_reduce_(0, old.flatten(), first_point.repeat_interleave(len(places)), 'amin')
    order = torch.argsort(served, stable=True)
    renumbered = torch.empty_like(order)
    renumbered[order] = torch.arange(total, device=order.device)
    lower = lower_neighbors(classes, packing).index_select(1, order)
    renumbered = F.pad(renumbered, (0, 1), value=total)
    return (renumbered.index_select(0, old.flatten()).view_as(old),
            renumbered.index_select(0, lower.flatten()).view_as(lower))


def _by_point(order: Tensor, ends: Tensor, vertices: Tensor, weights: Tensor) -> Entries:
    """The d + 1 vertices of each point: those of its simplex, ``vertices`` (P, d + 1)."""
    simplex = torch.empty_like(order)
    simplex[order] = torch.arange(len(vertices), device=order.device).repeat_interleave(ends.diff())
    step = vertices.size(1)
    start = torch.arange(0, len(order) * step + 1, step, dtype=vertices.dtype, device=order.device)
    return Entries(vertices.index_select(0, simplex).flatten(), weights, start)


def _by_vertex(order: Tensor, ends: Tensor, vertices: Tensor, total: int, weights: Tensor,
               integers: torch.dtype) -> Entries:
    """The points of each of the ``total`` vertices: those of its simplices, which lie side by side in ``order``."""
    step = vertices.size(1)
    vertex, corner = torch.sort(vertices.flatten())  # corner = simplex * (d + 1) + class
    simplex = corner // step
    counts = ends.diff().index_select(0, simplex)
    stop = F.pad(counts.cumsum(0), (1, 0))
    # one more, empty vertex is the row of zeros
    first = torch.searchsorted(vertex, torch.arange(total + 2, dtype=vertex.dtype, device=order.device))
    shift = (ends.index_select(0, simplex) - stop[:-1]).to(integers)
    entries = torch.arange(len(weights), dtype=integers, device=order.device)
    points = order.to(integers).index_select(0, entries.add_(shift.repeat_interleave(counts)))
    corners = (corner - simplex * step).to(integers).repeat_interleave(counts).add_(points, alpha=step)
    return Entries(points, weights.index_select(0, corners), stop.index_select(0, first).to(integers))


def _with_upper(lower: Tensor) -> Tensor:
    """(d + 1, M) -> (d + 1, 3 (M + 1)): each vertex, its lower and its upper neighbour; the last vertex has M only."""
    axes, total = lower.shape
    own = torch.arange(total + 1, device=lower.device).expand(axes, -1)
    lower = F.pad(lower, (0, 1), value=total)
    upper = torch.full_like(own, total).scatter_(1, lower, own)
    upper[:, total] = total  # where all those without a lower neighbor have written
    return torch.stack([own, lower, upper], 2).flatten(1)


def slice_together(lattices: Sequence[PermutohedralLattice], scales: Sequence[Tensor | None]) -> FixedSparse:
    """Sum of several lattices' slices in one pass.

    Args:
        lattices: Of the same N points.
        scales: For each lattice what multiplies its values, (N,), or None.

    Shape:
        The vertices of all lattices (M_1 + 1 + M_2 + 1 + ..., C), one below the other -> (N, C).
    """
    slices = [lattice.slice(scale) for lattice, scale in zip(lattices, scales, strict=True)]
    points = lattices[0].num_points
    first = 0
    columns, weights = [], []
    for lattice, one in zip(lattices, slices, strict=True):
        columns.append(one.rows.column.view(points, -1) + first)
        weights.append(one.rows.weight.view(points, -1))
        first += lattice.num_vertices + 1
    column, weight = torch.cat(columns, 1), torch.cat(weights, 1)
    start = torch.arange(0, column.numel() + 1, column.size(1), dtype=column.dtype, device=column.device)

    def transpose() -> Entries:
        parts = [one.adjoint.rows for one in slices]
        starts, done = [], 0
        for part in parts:
            starts.append(part.start[:-1] + done)
            done += len(part.column)
        starts.append(starts[0].new_full((1,), done))
        return Entries(
            torch.cat([part.column for part in parts]), torch.cat([part.weight for part in parts]), torch.cat(starts))

    return FixedSparse(Entries(column.flatten(), weight.flatten(), start), transpose)
