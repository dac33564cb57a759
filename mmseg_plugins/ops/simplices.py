"""Where points lie in the permutohedral lattice: enclosing simplices, barycentric weights, vertices, neighbors.

Paper: "Fast High-Dimensional Filtering Using the Permutohedral Lattice", Adams et al., Eurographics 2010.  Code of
the CRFs that use it: sadeepj/crfasrnn_pytorch@24899c5 and lucasb-eyer/pydensecrf@2723c7f, both after Krahenbuhl.

A vertex is a point of d + 1 integers with sum 0 that are congruent modulo d + 1; their common remainder k is its class.
It is named by its class and by the quotients m_i = (key_i - k) / (d + 1) of the first d coordinates, packed into one
integer.  Vertex k of a simplex is of class k, so classes are looked up one by one.

Shapes: N points, d feature dimensions, P distinct simplices.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

LIMIT = 2**62


class Simplices(NamedTuple):
    """The enclosing simplex of every point.

    Attributes:
        cell: (d, N) int32, quotients of the simplex's vertex of class 0.
        rank: (d + 1, N) int8, position of each coordinate in the descending order of the differences to that vertex.
        weights: (d + 1, N), barycentric, of the vertices of class 0..d; their sum is 1.
    """

    cell: Tensor
    rank: Tensor
    weights: Tensor


class Packing(NamedTuple):
    """How quotients become one integer: ``sum_i (m_i - low_i) * stride_i``; coordinate d, which is implied, has 0."""

    low: list[int]
    stride: list[int]

    def __call__(self, cell: Tensor) -> Tensor:
        """(d, N) -> (N,) int64."""
        return _weighted_sum(cell, self.stride[:-1]).sub_(
            sum(low * stride for low, stride in zip(self.low, self.stride, strict=False)))


def _weighted_sum(rows: Tensor, weights: list[int]) -> Tensor:
    """``sum_i weights_i rows_i`` in int64, without a table of products."""
    total = torch.zeros(rows.shape[1:], dtype=torch.int64, device=rows.device)
    for row, weight in zip(rows, weights, strict=True):
        total.add_(row, alpha=weight)
    return total


def enclosing_simplices(features: Tensor) -> Simplices:
    """Find each point's simplex.

    The arithmetic follows the originals step by step in the type of ``features``, so that a point on the border of two
    simplices falls into the same one.

    Args:
        features: (N, d), d < 127, in units of the Gaussian's standard deviation.

    Raises:
        ValueError: the points lie too far from the origin to be told apart.
    """
    elevated = _elevate(features)  # (d + 1, N)
    d = len(elevated) - 1
    quotient = (elevated * (1 / (d + 1))).round_()
    if float(quotient.abs().amax()) >= 2**30:
        raise ValueError(
            f'permutohedral lattice: features up to {float(features.abs().amax()):.3g} standard deviations from the '
            'origin, where points cannot be told apart. Fix: larger standard deviations (theta, sxy, srgb)')
    difference = elevated - quotient * (d + 1)
    rank = torch.zeros(elevated.shape, dtype=torch.int8, device=elevated.device)
    for i in range(d):
        for j in range(i + 1, d + 1):
            lower = difference[i] < difference[j]
            rank[i] += lower
            rank[j] += lower.logical_not_()
    rank += quotient.sum(0).to(torch.int8)
    wrap = (rank < 0).to(torch.int8) - (rank > d).to(torch.int8)
    rank += wrap * (d + 1)
    quotient += wrap
    offset = elevated.sub_(quotient * (d + 1)).div_(d + 1)
    sorted_offset = torch.empty_like(offset).scatter_(0, rank.long(), offset)
    weights = torch.empty_like(offset)  # (d + 1, N)
    weights[1:] = (sorted_offset[:-1] - sorted_offset[1:]).flip(0)
    weights[0] = 1 + sorted_offset[-1] - sorted_offset[0]
    return Simplices(quotient[:d].int(), rank, weights)


def _elevate(features: Tensor) -> Tensor:
    """Points (N, d) -> (d + 1, N) on the hyperplane of coordinate sum 0, scaled for a unit Gaussian."""
    d = features.size(1)
    elevated = features.new_empty((d + 1, len(features)))
    total = features.new_zeros(len(features))
    for j in range(d, 0, -1):
        scaled = features[:, j - 1] * (math.sqrt(2 / 3) * (d + 1) / math.sqrt(j * (j + 1)))
        elevated[j] = total - j * scaled
        total = total + scaled
    elevated[0] = total
    return elevated


def packing_of(cell: Tensor) -> Packing:
    """A packing of quotients (d, N) and of all vertices and neighbors around them.

    Raises:
        ValueError: the points lie so far apart that 62 bits do not hold every place between them.
    """
    # a vertex is at most 1 lower, a neighbor 1 more on either side
    low = [value - 2 for value in cell.amin(1).tolist()]
    extent = [high + 3 - first for high, first in zip(cell.amax(1).tolist(), low, strict=True)]
    if math.prod(extent) * (len(cell) + 1) >= LIMIT:
        raise ValueError(
            f'permutohedral lattice: the features span {extent} cells, more than {LIMIT:.1e} places in all, which no '
            'integer can number. Fix: larger standard deviations (theta, sxy, srgb), or features that are scaled')
    return Packing(low, [*(math.prod(extent[:i]) for i in range(len(extent))), 0])


def group_points(simplices: Simplices, packing: Packing) -> tuple[Tensor, Tensor]:
    """Sort points by their simplex.

    Returns:
        The points in that order (N,), those of one simplex ascending, and where each simplex begins (P + 1,).
    """
    ranks = simplices.rank[:-1]
    d, count = ranks.shape
    place = packing(simplices.cell)
    base = d + 1
    if int(place.max()) * base**d >= LIMIT:  # no room for the order of the coordinates: every point by itself
        ends = torch.arange(count + 1, device=place.device)
        return ends[:-1], ends
    place.mul_(base**d).add_(_weighted_sum(ranks, [base**i for i in range(d)]))
    key, order = torch.sort(place, stable=True)
    new = torch.nonzero(key[1:] != key[:-1]).flatten() + 1
    ends = torch.cat([new.new_zeros(1), new, new.new_full((1,), count)])
    return order, ends


def vertex_places(simplices: Simplices, packing: Packing, points: Tensor) -> Tensor:
    """Packed place of each vertex of the simplices around ``points`` (P,): (d + 1, P), row k of class k."""
    rank = simplices.rank.index_select(1, points).long()
    stride = torch.tensor(packing.stride, device=rank.device)
    by_rank = torch.empty_like(rank).scatter_(0, rank, stride[:, None].expand_as(rank))
    steps = torch.cat([packing(simplices.cell.index_select(1, points))[None], -by_rank.flip(0)[:-1]])
    return steps.cumsum(0)


def lower_neighbors(places: list[Tensor], packing: Packing) -> Tensor:
    """The neighbor one step down along each of the d + 1 axes.

    Args:
        places: For each class the packed places of its vertices, ascending; vertices are numbered class by class.

    Returns:
        (d + 1, M), with M for a neighbor that is not in the lattice.
    """
    total = sum(map(len, places))
    firsts = [sum(map(len, places[:k])) for k in range(len(places))]
    down = []
    for k, own in enumerate(places):
        other = (k - 1) % len(places)
        # all coordinates one lower, the axis d higher: for class 0 the others fall into the next lower quotient
        down_all = sum(packing.stride) if k == 0 else 0
        shift = torch.tensor([stride - down_all for stride in packing.stride], device=own.device)
        wanted = own + shift[:, None]  # (d + 1, M_k)
        pool = places[other]
        if len(pool) == 0:
            down.append(torch.full_like(wanted, total))
            continue
        at = torch.searchsorted(pool, wanted).clamp_(max=len(pool) - 1)
        down.append(torch.where(pool[at] == wanted, at + firsts[other], total))
    return torch.cat(down, 1)
