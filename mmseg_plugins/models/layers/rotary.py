"""Rotary position embedding of tokens on a grid, as EVA-02 uses it.

Paper: "EVA-02: A Visual Representation for Neon Genesis", https://arxiv.org/abs/2303.11331 (after RoFormer,
https://arxiv.org/abs/2104.09864).
Original code (MIT): https://github.com/baaivision/EVA/blob/5623d08/EVA-02/asuka/rope.py
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn


class RotaryTables(NamedTuple):
    """Cosines and sines, each (H * W, D)."""

    cos: Tensor
    sin: Tensor


class RotaryEmbedding2D(nn.Module):
    """Turns pairs of channels of a query or key by angles that grow with the row and the column of its token.

    The first D / 2 channels turn with the row, the others with the column.  Pair i of an axis, channels 2 i and
    2 i + 1, has the frequency ``theta ** (-4 i / D)``.  A grid of another size is laid over the one of the
    pre-training: row y of H is at ``y / H * grid``, and columns likewise, so that H and W may differ.  (The original
    has one size for both axes.)  There are no parameters, and nothing is saved.

    Args:
        head_dims: D, a multiple of 4.
        grid: Tokens per side in pre-training.
        theta: The base of the frequencies.

    Raises:
        ValueError: D is no multiple of 4.
    """

    def __init__(self, head_dims: int, grid: int = 16, theta: float = 10000.0) -> None:
        super().__init__()
        if head_dims % 4:
            raise ValueError(f'RotaryEmbedding2D: head_dims={head_dims}, but two axes of pairs of channels need a '
                             'multiple of 4. Fix: choose embed_dims / num_heads so.')
        self.head_dims, self.grid, self.theta = head_dims, grid, theta

    def tables(self, height: int, width: int, device: torch.device | str | None = None) -> RotaryTables:
        """The tables of a grid of H x W tokens, row by row."""
        per_axis = self.head_dims // 2
        powers = torch.arange(0, per_axis, 2, device=device, dtype=torch.float32) / per_axis
        frequencies = 1.0 / self.theta**powers

        def angles(size: int) -> Tensor:
            places = torch.arange(size, device=device, dtype=torch.float32) / size * self.grid
            return torch.outer(places, frequencies).repeat_interleave(2, dim=1)

        shape = (height, width, per_axis)
        both = torch.cat([angles(height)[:, None].expand(shape), angles(width)[None].expand(shape)], dim=-1)
        both = both.reshape(height * width, self.head_dims)
        return RotaryTables(both.cos(), both.sin())

    def forward(self, x: Tensor, tables: RotaryTables) -> Tensor:
        """(B, heads, extra + H * W, D) -> the same; the ``extra`` first tokens (the class token) stay as they are."""
        extra = x.size(-2) - tables.cos.size(0)
        first, rest = x[..., :extra, :], x[..., extra:, :]
        turned = torch.stack([-rest[..., 1::2], rest[..., ::2]], dim=-1).flatten(-2)
        rest = (rest * tables.cos + turned * tables.sin).to(x.dtype)
        return torch.cat([first, rest], dim=-2) if extra else rest
