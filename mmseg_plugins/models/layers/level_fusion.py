"""Adaptive feature pooling's fusion: one first layer a pyramid level, then the element-wise maximum.

Paper: "Path Aggregation Network for Instance Segmentation", https://arxiv.org/abs/1803.01534, section 3.2.
Original code (MIT): https://github.com/ShuLiu1993/PANet/tree/f055f716a21896dab8907c46c12e216323baefdb ,
``lib/modeling/{fast_rcnn_heads,mask_rcnn_heads}.py``.

Shapes: N RoIs, L levels, C channels, h x w bins.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn


class LevelMaxFusion(nn.Module):
    """Pass every level through its own layer and keep the element-wise maximum.

    .. code-block:: none

        x[:, 0] -> levels.0 --\\
        x[:, 1] -> levels.1 ---max-> out
        ...                  --/

    Args:
        levels: One layer a level, finest level first; all give the same shape.
        owner: Name of the head that holds this module, for error messages.

    Shape:
        (N, L, C, h, w), or (N, C, h, w) when L = 1 -> whatever a layer gives for (N, C, h, w).
    """

    def __init__(self, levels: Iterable[nn.Module], owner: str) -> None:
        super().__init__()
        self.levels = nn.ModuleList(levels)
        self.owner = owner
        if len(self.levels) == 0:
            raise ValueError(f'{owner}: num_levels=0, it must be at least 1')

    def forward(self, x: Tensor) -> Tensor:
        """Fuse the levels of ``x``; ``ValueError`` when their number is not that of the layers."""
        if x.dim() == 4:
            x = x[:, None]
        if x.dim() != 5 or x.size(1) != len(self.levels):
            raise ValueError(
                f'{self.owner} has num_levels={len(self.levels)}, but its RoI extractor gave a tensor of shape '
                f'{tuple(x.shape)} = (RoIs, levels, channels, h, w); set num_levels of the head to the number of '
                'featmap_strides of an AllLevelRoIExtractor, or to 1 after an extractor that gives one level')
        fused = self.levels[0](x[:, 0])
        for index in range(1, len(self.levels)):
            fused = torch.maximum(fused, self.levels[index](x[:, index]))
        return fused
