"""mmdet's extractor of one level an RoI, for any RoI operator.

Papers: levels by size, "Feature Pyramid Networks for Object Detection", https://arxiv.org/abs/1612.03144, section 4.2;
the operators, see ``mmseg_plugins/ops``.

Shapes: N RoIs, L levels, C channels, h x w bins.  RoIs are (batch index, x1, y1, x2, y2) in input-image pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mmseg_plugins.registry import MODELS

from .roi_layers import RoILayersExtractor


@MODELS.register_module()
class RoIOpExtractor(RoILayersExtractor):
    """Pool every RoI from the level that its size points to, with an operator named by the config.

    A stand-in for ``mmdet.SingleRoIExtractor`` with the same arguments.  Level l takes the RoIs with
    finest_scale * 2^l <= sqrt(w h) < finest_scale * 2^(l+1); smaller ones go to the finest level, larger ones to the
    coarsest.  It differs where mmdet's falls short: ``roi_scale_factor`` counts on a single level as well, levels are
    chosen from unrounded coordinates under AMP, half maps are pooled in float32, an infinite value in a level that no
    RoI reads does not turn all RoIs into NaN, and RoIs lose no gradient (:class:`PrRoIPool`, :class:`RoIWarp` and
    :class:`CropAndResize` give them one).

    Args:
        roi_layer: Config of the operator, see :class:`RoILayersExtractor`, such as
            ``dict(type='mmseg_plugins.PrRoIPool', output_size=7)``.
        out_channels: C.
        featmap_strides: Stride of each level, finest first; their number is L.
        finest_scale: Side in pixels at which the finest level ends is twice this number.

    Shape:
        ``feats``: L maps (B, C, H_l, W_l); ``rois``: (N, 5).  Output: (N, C, h, w), contiguous.
    """

    def __init__(self,
                 roi_layer: dict,
                 out_channels: int,
                 featmap_strides: list[int],
                 finest_scale: int = 56,
                 init_cfg: dict | None = None) -> None:
        super().__init__(
            roi_layer=roi_layer, out_channels=out_channels, featmap_strides=featmap_strides, init_cfg=init_cfg)
        if finest_scale <= 0:
            raise ValueError(f'RoIOpExtractor: finest_scale={finest_scale!r}, it must be above 0 pixels')
        self.finest_scale = finest_scale

    def map_roi_levels(self, rois: Tensor, num_levels: int) -> Tensor:
        """Level of each RoI, (N,), 0 the finest; an RoI without an area goes to the finest."""
        sides = (rois[:, 3:] - rois[:, 1:3]).detach().float().clamp_min(0)
        level = (sides.prod(1).sqrt() / self.finest_scale + 1e-6).log2().floor()
        return level.nan_to_num(0).clamp(0, num_levels - 1).long()

    def forward(self, feats: Sequence[Tensor], rois: Tensor, roi_scale_factor: float | None = None) -> Tensor:
        """Pool ``rois`` from ``feats``, widened around their centers by ``roi_scale_factor``; see the class.

        Raises:
            ValueError: When the maps are not those that the arguments ask for.
        """
        feats = list(feats[:self.num_inputs])
        self.check_maps(feats)
        levels = self.map_roi_levels(rois, len(feats))
        if roi_scale_factor is not None:
            rois = self.roi_rescale(rois, roi_scale_factor)
        if len(feats) == 1:
            return self.pool(0, feats[0], rois)
        places = [(levels == level).nonzero().flatten() for level in range(len(feats))]
        pooled = torch.cat([self.pool(level, feat, rois[place])
                            for level, (feat, place) in enumerate(zip(feats, places, strict=True))])
        return pooled[torch.cat(places).argsort()]
