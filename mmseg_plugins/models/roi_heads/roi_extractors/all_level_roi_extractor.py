"""Adaptive feature pooling: every RoI reads all pyramid levels, not the one its size points to.

Paper: "Path Aggregation Network for Instance Segmentation", https://arxiv.org/abs/1803.01534, section 3.2.
Original code (MIT): https://github.com/ShuLiu1993/PANet/tree/f055f716a21896dab8907c46c12e216323baefdb

Shapes: N RoIs, L levels, C channels, h x w bins.  RoIs are (batch index, x1, y1, x2, y2) in input-image pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mmseg_plugins.registry import MODELS

from .roi_layers import RoILayersExtractor


@MODELS.register_module()
class AllLevelRoIExtractor(RoILayersExtractor):
    """Pool every RoI from every level.

    The heads that read it (``AdaptivePooling*``) own one first layer a level.  With ``fuse='max'`` the levels are
    joined here, before any layer, and any stock head can read the result; in the paper's ablation this placement
    gains nothing over the baseline (35.7 mask AP both), which is why the fusion lives in the heads.

    Args:
        roi_layer: Config of an RoI operator, see :class:`RoILayersExtractor`.  Official: ``dict(type='RoIAlign',
            output_size=7, sampling_ratio=2, aligned=False)``, 14 for masks.
        out_channels: C.
        featmap_strides: Stride of each level, finest first; their number is L.
        fuse: ``None`` or ``'max'``.

    Shape:
        ``feats``: L maps (B, C, H_l, W_l); ``rois``: (N, 5).
        Output: (N, L, C, h, w), in memory level-major, so that ``out[:, l]`` is contiguous; (N, C, h, w) with ``fuse``.
    """

    def __init__(self,
                 roi_layer: dict,
                 out_channels: int,
                 featmap_strides: list[int],
                 fuse: str | None = None,
                 init_cfg: dict | None = None) -> None:
        super().__init__(
            roi_layer=roi_layer, out_channels=out_channels, featmap_strides=featmap_strides, init_cfg=init_cfg)
        if fuse not in (None, 'max'):
            raise ValueError(f"AllLevelRoIExtractor: fuse={fuse!r}, it must be None (the head fuses) or 'max'")
        self.fuse = fuse

    def forward(self, feats: Sequence[Tensor], rois: Tensor, roi_scale_factor: float | None = None) -> Tensor:
        """Pool ``rois`` from all ``feats``; see the class for the shapes."""
        self.check_maps(feats)
        if roi_scale_factor is not None:
            rois = self.roi_rescale(rois, roi_scale_factor)
        pooled = [self.pool(level, feat, rois) for level, feat in enumerate(feats)]
        if self.fuse == 'max':
            fused = pooled[0]
            for other in pooled[1:]:
                fused = torch.maximum(fused, other)
            return fused
        return torch.stack(pooled).transpose(0, 1)  # (L, N, C, h, w) -> (N, L, C, h, w), a view
