"""Decoupled SOLO and its light variant: a mask is the product of a column's and a row's map.

Paper: SOLO: Segmenting Objects by Locations, https://arxiv.org/abs/1912.04488, section 5.
Original (research licence): https://github.com/WXinlong/SOLO/tree/f4cd03b9404e3bd84ca0be45966fb61d20d2efe6 ,
mmdet/models/anchor_heads/decoupled_solo_head.py and decoupled_solo_light_head.py; networks and parameter names are
those of mmdet's heads.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from mmengine.structures import InstanceData
from torch import Tensor, nn

from mmseg_plugins.models.layers import coordinate_maps
from mmseg_plugins.registry import MODELS

from .solo_base_head import SOLOBaseHead, nothing_of


@MODELS.register_module()
class DecoupledSOLOHead(SOLOBaseHead):
    """Decoupled SOLO: a tower for columns (x), one for rows (y), and S channels of each for a level of S^2 cells.

    Args:
        kwargs: Those of :class:`SOLOBaseHead`.

    Raises:
        ValueError: ``loss_mask`` applies a sigmoid of its own (``activate=True``, mmdet's default), and see
            :class:`SOLOBaseHead`.
    """

    loss_applies_sigmoid = False
    output_layers = ('conv_mask_list_x', 'conv_mask_list_y', 'conv_cls')

    def build_layers(self) -> None:
        """Make the three towers and the last layers."""
        self.mask_convs_x, self.mask_convs_y, self.cls_convs = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for index in range(self.stacked_convs):
            self.mask_convs_x.append(self.tower_layer(index, coordinates=1))
            self.mask_convs_y.append(self.tower_layer(index, coordinates=1))
            self.cls_convs.append(self.tower_layer(index))
        self.build_output_layers()

    def build_output_layers(self) -> None:
        """Make the last layers of columns, rows and classes."""
        self.conv_mask_list_x, self.conv_mask_list_y = nn.ModuleList(), nn.ModuleList()
        for grid in self.num_grids:
            self.conv_mask_list_x.append(self.output_layer(grid))
            self.conv_mask_list_y.append(self.output_layer(grid))
        self.conv_cls = self.output_layer(self.num_classes)

    def forward(self, x: tuple[Tensor, ...]) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """Run the towers on maps (B, C_in, H_i, W_i) of the neck, finest first.

        Returns:
            For each level logits (B, S, 2 h, 2 w) of columns and of rows, and class logits (B, C, S, S).
        """
        outs = []
        for level, feature in enumerate(self.resize_feats(x)):
            place = coordinate_maps(feature)
            feature_x = torch.cat([feature, place[:, :1]], 1)
            feature_y = torch.cat([feature, place[:, 1:]], 1)
            for layer_x, layer_y in zip(self.mask_convs_x, self.mask_convs_y, strict=True):
                feature_x, feature_y = layer_x(feature_x), layer_y(feature_y)
            outs.append((*self.axis_logits(level, feature_x, feature_y), self.classify(level, feature)))
        x_logits, y_logits, cls_logits = zip(*outs, strict=True)
        return list(x_logits), list(y_logits), list(cls_logits)

    def axis_logits(self, level: int, feature_x: Tensor, feature_y: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, S, 2 h, 2 w) of a level's columns and rows from its mask features (B, F, h, w)."""
        large_x = F.interpolate(feature_x, scale_factor=2, mode='bilinear', align_corners=False)
        large_y = large_x
        if feature_y is not feature_x:
            large_y = F.interpolate(feature_y, scale_factor=2, mode='bilinear', align_corners=False)
        return self.conv_mask_list_x[level](large_x), self.conv_mask_list_y[level](large_y)

    def loss_by_feat(self, x_logits: list[Tensor], y_logits: list[Tensor], cls_logits: list[Tensor],
                     batch_gt_instances: list[InstanceData], batch_img_metas: list[dict],
                     **kwargs: Any) -> dict[str, Tensor]:
        """Dice of every positive cell's product of probabilities, focal loss of every cell's class.

        Raises:
            ValueError: ``strides`` are not those of the maps.
        """
        covered = (self.strides[0] // 2 * x_logits[0].shape[-2], self.strides[0] // 2 * x_logits[0].shape[-1])
        targets = [
            self.image_targets(gt, cls_logits[0].device, covered, meta.get('scale_factor', (1.0, 1.0)))
            for gt, meta in zip(batch_gt_instances, batch_img_metas, strict=True)
        ]
        soft, masks = [], []
        for level, grid in enumerate(self.num_grids):
            for image, target in enumerate(targets):
                cells, wanted = self.level_masks(target, level)
                if len(cells):
                    x = x_logits[level][image, cells % grid].float().sigmoid()
                    soft.append(x * y_logits[level][image, cells // grid].float().sigmoid())
                    masks.append(self.padded_masks(level, wanted, soft[-1], target.size))
        nothing = nothing_of([*x_logits, *y_logits])
        dice = self.mean_dice(soft, masks)
        return dict(
            loss_mask=nothing if dice is None else dice + nothing, loss_cls=self.class_loss(cls_logits, targets))

    @torch.no_grad()
    def predict_by_feat(self, x_logits: list[Tensor], y_logits: list[Tensor], cls_logits: list[Tensor],
                        batch_img_metas: list[dict], rescale: bool = True, **kwargs: Any) -> list[InstanceData]:
        """Instances of every image: ``scores``, ``labels``, ``masks`` and tight ``bboxes``."""
        size = (x_logits[0].shape[-2], x_logits[0].shape[-1])

        def source(image: int) -> Any:
            maps = [(x[image], y[image]) for x, y in zip(x_logits, y_logits, strict=True)]
            return lambda cells: self.cell_masks(maps, cells, size)

        sources = [source(image) for image in range(len(batch_img_metas))]
        return self.predict_cells(cls_logits, sources, size, self.strides[0] // 2, batch_img_metas, rescale)

    def cell_masks(self, maps: list[tuple[Tensor, Tensor]], cells: Tensor, size: tuple[int, int]) -> Tensor:
        """Mask probabilities (n, h, w) of any cells (n,) of one image, enlarged to the finest level's size.

        Probabilities of columns and rows are enlarged first and multiplied then, as in the original.
        """
        masks = torch.zeros(len(cells), *size, device=cells.device)
        starts = self.level_starts
        for level, grid in enumerate(self.num_grids):
            mine = ((cells >= starts[level]) & (cells < starts[level + 1])).nonzero().flatten()
            if len(mine):
                local = cells[mine] - starts[level]
                x, y = maps[level]
                masks[mine] = _enlarge(x, local % grid, size) * _enlarge(y, local // grid, size)
        return masks


def _enlarge(logits: Tensor, lines: Tensor, size: tuple[int, int]) -> Tensor:
    """Probabilities (n, h, w) of the columns or rows ``lines`` (n,) of logits (S, h_i, w_i)."""
    soft = logits[lines].float().sigmoid()
    return F.interpolate(soft[None], size=size, mode='bilinear', align_corners=False)[0]


@MODELS.register_module()
class DecoupledSOLOLightHead(DecoupledSOLOHead):
    """The light variant: one tower for both axes.

    Args:
        dcn_cfg: Convolution of the last layer of both towers, e.g. ``dict(type='DCN')``; plain when absent.
        kwargs: Those of :class:`SOLOBaseHead`.

    Raises:
        ValueError: See :class:`DecoupledSOLOHead`.
    """

    def __init__(self, *, dcn_cfg: dict | None = None, **kwargs: Any) -> None:
        self.dcn_cfg = dcn_cfg
        super().__init__(**kwargs)

    def build_layers(self) -> None:
        """Make both towers and the last layers."""
        self.mask_convs, self.cls_convs = nn.ModuleList(), nn.ModuleList()
        for index in range(self.stacked_convs):
            conv_cfg = self.dcn_cfg if index == self.stacked_convs - 1 else None
            self.mask_convs.append(self.tower_layer(index, coordinates=2, conv_cfg=conv_cfg))
            self.cls_convs.append(self.tower_layer(index, conv_cfg=conv_cfg))
        self.build_output_layers()

    def forward(self, x: tuple[Tensor, ...]) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """Run the towers; see :meth:`DecoupledSOLOHead.forward`."""
        outs = []
        for level, feature in enumerate(self.resize_feats(x)):
            mask_feature = torch.cat([feature, coordinate_maps(feature)], 1)
            for layer in self.mask_convs:
                mask_feature = layer(mask_feature)
            outs.append((*self.axis_logits(level, mask_feature, mask_feature), self.classify(level, feature)))
        x_logits, y_logits, cls_logits = zip(*outs, strict=True)
        return list(x_logits), list(y_logits), list(cls_logits)
