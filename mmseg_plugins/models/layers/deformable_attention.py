"""Multi-scale deformable attention as a layer, with other widths for its values.

Paper: "Deformable DETR: Deformable Transformers for End-to-End Object Detection", https://arxiv.org/abs/2010.04159.
Parameter names are those of the original, https://github.com/fundamentalvision/Deformable-DETR (Apache-2.0), and of
mmcv.

Shapes: B images, Q queries, N keys in L levels, C channels, M heads, P points.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmseg_plugins.ops import ms_deform_attn


class DeformableAttention(nn.Module):
    """Each query reads P points of each level around its own place.

    Args:
        channels: C.
        heads: M.
        levels: L.
        points: P.
        ratio: Width of the values as a part of C.
    """

    def __init__(self, channels: int, heads: int, levels: int, points: int = 4, ratio: float = 1.0) -> None:
        super().__init__()
        width = int(channels * ratio)
        if width % heads:
            raise ValueError(f'DeformableAttention: values of {width} channels in {heads} heads. Fix: a number of '
                             'heads that divides them.')
        self.shape = (heads, levels, points)
        self.sampling_offsets = nn.Linear(channels, heads * levels * points * 2)
        self.attention_weights = nn.Linear(channels, heads * levels * points)
        self.value_proj = nn.Linear(channels, width)
        self.output_proj = nn.Linear(width, channels)
        self._fill()

    def _fill(self) -> None:
        """Heads look into as many directions, points 1 to P cells far; all weigh the same."""
        heads, levels, points = self.shape
        angles = torch.arange(heads, dtype=torch.float32) * (2 * math.pi / heads)
        steps = torch.stack([angles.cos(), angles.sin()], dim=1)
        steps = steps / steps.abs().max(dim=1, keepdim=True).values
        far = torch.arange(1, points + 1, dtype=torch.float32)
        bias = steps[:, None, None] * far[:, None]  # (M, 1, P, 2)
        nn.init.zeros_(self.sampling_offsets.weight)
        with torch.no_grad():
            self.sampling_offsets.bias.copy_(bias.expand(heads, levels, points, 2).flatten())
        for layer in (self.attention_weights, self.value_proj, self.output_proj):
            nn.init.zeros_(layer.bias)
        nn.init.zeros_(self.attention_weights.weight)
        nn.init.xavier_uniform_(self.value_proj.weight)
        nn.init.xavier_uniform_(self.output_proj.weight)

    def forward(self, query: Tensor, places: Tensor, keys: Tensor, sizes: Sequence[tuple[int, int]]) -> Tensor:
        """Attend.

        Args:
            query: (B, Q, C).
            places: (Q, 2), x and y in 0 .. 1 of each query.
            keys: (B, N, C), the levels one after the other.
            sizes: H and W of each level.

        Returns:
            (B, Q, C).
        """
        heads, levels, points = self.shape
        shapes = torch.tensor(sizes, device=query.device)
        starts = torch.cat([shapes.new_zeros(1), shapes.prod(1).cumsum(0)[:-1]])
        value = self.value_proj(keys).unflatten(2, (heads, -1))
        offsets = self.sampling_offsets(query).unflatten(2, (heads, levels, points, 2))
        weights = self.attention_weights(query).unflatten(2, (heads, levels * points)).softmax(-1)
        # x and y of a level are counted in its cells.
        locations = places[None, :, None, None, None] + offsets / shapes.flip(1)[:, None].to(offsets.dtype)
        out = ms_deform_attn(value, shapes, starts, locations, weights.unflatten(3, (levels, points)))
        return self.output_proj(out)
