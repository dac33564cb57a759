"""The best of many by their scores."""

from __future__ import annotations

from torch import Tensor


def best_indices(scores: Tensor, limit: int = -1) -> Tensor:
    """Indices of the ``limit`` highest of N scores, best first, of equal ones the first; not above 0: all N."""
    order = scores.argsort(descending=True, stable=True)
    return order[:limit] if limit > 0 else order
