"""RoI features by ``crop_and_resize``, plain and deformable, as MaskLab's box classifier reads them.

Paper: "MaskLab: Instance Segmentation by Refining Object Detection with Semantic and Direction Features",
https://arxiv.org/abs/1712.04837, section 3 and figure 6; the idea of learned offsets, their normalization and their
factor 0.1 are those of deformable RoI pooling (https://arxiv.org/abs/1703.06211).

Shapes: N RoIs (batch index, x1, y1, x2, y2 in input-image pixels), C channels, S x S crop, g x g sub-boxes of
m x m points (S = g m), p pooling.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmseg_plugins.models.layers import border_crop, note_init
from mmseg_plugins.registry import MODELS


@MODELS.register_module()
class CropResizeRoIExtractor(BaseModule):
    """Crop every RoI from one map, box edges included, and optionally max-pool the crop.

    TensorFlow's detectors crop 14 x 14 and pool to 7 x 7 in front of conv5.

    Args:
        output_size: S.
        out_channels: C.
        featmap_strides: The map's stride, a list of one.
        pool: p, size and stride of the max pooling; 1 for none.

    Shape:
        ``feats``: one map (B, C, H, W); ``rois``: (N, 5) -> (N, C, S / p, S / p).

    Raises:
        ValueError: more than one stride; S is no multiple of p; more than one map, or with other channels.
    """

    def __init__(self,
                 *,
                 output_size: int,
                 out_channels: int,
                 featmap_strides: Sequence[int],
                 pool: int = 1,
                 init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.owner = type(self).__name__
        if len(featmap_strides) != 1:
            raise ValueError(f'{self.owner}: featmap_strides={list(featmap_strides)}, but it reads one map; after a '
                             'pyramid use mmdet.SingleRoIExtractor')
        if output_size % pool:
            raise ValueError(f'{self.owner}: output_size={output_size} is no multiple of pool={pool}')
        self.output_size = output_size
        self.out_channels = out_channels
        self.featmap_strides = list(featmap_strides)
        self.pool = pool

    @property
    def num_inputs(self) -> int:
        """Number of maps read: 1."""
        return 1

    def forward(self, feats: Sequence[Tensor], rois: Tensor) -> Tensor:
        """Crop ``rois`` from the only map of ``feats``; see the class for the shapes."""
        if len(feats) != 1 or feats[0].size(1) != self.out_channels:
            raise ValueError(f'{self.owner}: out_channels={self.out_channels} asks for one map of as many channels, '
                             f'but it is given {len(feats)} of {[feat.size(1) for feat in feats]} channels')
        crops = self.crop(feats[0], rois)
        return F.max_pool2d(crops, self.pool) if self.pool > 1 else crops

    def crop(self, feat: Tensor, rois: Tensor) -> Tensor:
        """(N, C, S, S)."""
        return border_crop(feat, rois, self.output_size, 1 / self.featmap_strides[0])


@MODELS.register_module()
class DeformableCropRoIExtractor(CropResizeRoIExtractor):
    """Crop, look, and crop again from sub-boxes that moved.

    .. code-block:: none

        feat -> crop (offset_size) -> offset_fc -> shift of each of g x g sub-boxes
        feat -> crop (m x m) of every shifted sub-box -> tiles -> (S x S)

    The S x S points of the plain crop are split into g x g tiles; a sub-box spans the points of its tile.  Offsets
    start at zero, so that an untrained extractor gives exactly the plain crop.

    Args:
        sub_boxes: g; the paper's figure shows 2 x 2 sub-boxes.
        offset_size: Side of the first crop, 4 in the paper's figure.
        offset_factor: Offsets are this factor times the output of the layer, in units of the box's width and height.
        kwargs: Those of ``CropResizeRoIExtractor``.

    Raises:
        ValueError: S is no multiple of g; those of the base class.
    """

    def __init__(self,
                 *,
                 output_size: int,
                 out_channels: int,
                 sub_boxes: int = 2,
                 offset_size: int = 4,
                 offset_factor: float = 0.1,
                 **kwargs: object) -> None:
        super().__init__(output_size=output_size, out_channels=out_channels, **kwargs)  # type: ignore[arg-type]
        if output_size % sub_boxes:
            raise ValueError(f'{self.owner}: output_size={output_size} points do not divide into sub_boxes={sub_boxes} '
                             'equal tiles; choose a multiple')
        self.sub_boxes = sub_boxes
        self.offset_size = offset_size
        self.offset_factor = offset_factor
        self.offset_fc = nn.Linear(out_channels * offset_size**2, 2 * sub_boxes**2)

    def init_weights(self) -> None:
        """Offsets: zero, the plain crop; then what ``init_cfg`` says."""
        nn.init.zeros_(self.offset_fc.weight)
        nn.init.zeros_(self.offset_fc.bias)
        note_init(self.offset_fc, 'zero: sub-boxes start where the plain crop has them')
        super().init_weights()

    def crop(self, feat: Tensor, rois: Tensor) -> Tensor:
        """(N, C, S, S), tile by tile from shifted sub-boxes."""
        scale = 1 / self.featmap_strides[0]
        first = border_crop(feat, rois, self.offset_size, scale)
        offsets = self.offset_fc(first.flatten(1)).float() * self.offset_factor  # (N, 2 g g)
        boxes = self.shifted_sub_boxes(rois, offsets)
        size = self.output_size // self.sub_boxes
        tiles = border_crop(feat, boxes, size, scale)  # (N g g, C, m, m)
        tiles = tiles.view(rois.size(0), self.sub_boxes, self.sub_boxes, self.out_channels, size, size)
        # (N, g, g, C, m, m) -> (N, C, g, m, g, m) -> (N, C, S, S)
        return tiles.permute(0, 3, 1, 4, 2, 5).reshape(-1, self.out_channels, self.output_size, self.output_size)

    def shifted_sub_boxes(self, rois: Tensor, offsets: Tensor) -> Tensor:
        """Sub-boxes of RoIs (N, 5), row by row, moved by ``offsets`` (N, 2 g g) = (g, g, (x, y)); (N g g, 5)."""
        g, points = self.sub_boxes, self.output_size
        rois = rois.to(offsets.dtype)
        corner, extent = rois[:, None, 1:3], (rois[:, 3:] - rois[:, 1:3])[:, None]  # (N, 1, 2)
        size = points // g
        first = torch.arange(g, device=rois.device, dtype=rois.dtype) * size  # first point of each tile
        steps = max(points - 1, 1)
        row, column = torch.meshgrid(first, first, indexing='ij')
        start = torch.stack([column, row], dim=-1).view(1, -1, 2)  # (1, g g, (x, y)) in points
        low = corner + extent * (start / steps + offsets.view(-1, g * g, 2))
        high = low + extent * ((size - 1) / steps)
        batch = rois[:, :1, None].expand(-1, g * g, -1)
        return torch.cat([batch, low, high], dim=2).view(-1, 5)
