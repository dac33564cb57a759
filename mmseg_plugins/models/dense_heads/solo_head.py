"""SOLO, the first version: one mask channel for each grid cell.

Paper: SOLO: Segmenting Objects by Locations, https://arxiv.org/abs/1912.04488.
Original (research licence): https://github.com/WXinlong/SOLO/tree/f4cd03b9404e3bd84ca0be45966fb61d20d2efe6 ,
mmdet/models/anchor_heads/solo_head.py; network and parameter names are those of mmdet's ``SOLOHead``.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, cast

import torch
import torch.nn.functional as F
from mmengine.structures import InstanceData
from torch import Tensor, nn

from mmseg_plugins.models.layers import coordinate_maps
from mmseg_plugins.registry import MODELS

from .solo_base_head import SOLOBaseHead, nothing_of


@MODELS.register_module()
class SOLOHead(SOLOBaseHead):
    """SOLO's first head, with the masks of the cells in question only.

    A level of S^2 cells has S^2 mask channels.  The last layer is a 1 x 1 convolution, so it is applied to the channels
    of positive cells (training) or of candidates (prediction) and before the two-fold bilinear enlargement, with which
    it commutes, instead of to all channels after it: the same numbers, without maps of S^2 channels at stride 4.

    Args:
        kwargs: Those of :class:`SOLOBaseHead`.

    Raises:
        ValueError: ``loss_mask`` does not apply the sigmoid (``activate=False``), and see :class:`SOLOBaseHead`.
    """

    output_layers = ('conv_mask_list', 'conv_cls')

    def build_layers(self) -> None:
        """Make both towers and a last layer of S^2 mask channels for each level."""
        self.mask_convs, self.cls_convs = nn.ModuleList(), nn.ModuleList()
        for index in range(self.stacked_convs):
            self.mask_convs.append(self.tower_layer(index, coordinates=2))
            self.cls_convs.append(self.tower_layer(index))
        self.conv_mask_list = nn.ModuleList(nn.Conv2d(self.feat_channels, grid**2, 1) for grid in self.num_grids)
        self.conv_cls = self.output_layer(self.num_classes)

    def forward(self, x: tuple[Tensor, ...]) -> tuple[list[Tensor], list[Tensor]]:
        """Run the towers.

        Args:
            x: Maps (B, C_in, H_i, W_i) of the neck, finest first.

        Returns:
            Mask features (B, F, h_i, w_i) and class logits (B, C, S_i, S_i) of each level; ``mask_logits`` turns the
            former into logits.
        """
        mask_features, cls_logits = [], []
        for level, feature in enumerate(self.resize_feats(x)):
            mask_feature = torch.cat([feature, coordinate_maps(feature)], 1)
            for layer in self.mask_convs:
                mask_feature = layer(mask_feature)
            mask_features.append(mask_feature)
            cls_logits.append(self.classify(level, feature))
        return mask_features, cls_logits

    def mask_logits(self, level: int, feature: Tensor, cells: Tensor | None = None) -> Tensor:
        """Mask logits (B, P, 2 h, 2 w) of the level's cells (P,), or of all S^2, from its feature (B, F, h, w)."""
        layer = cast(nn.Conv2d, self.conv_mask_list[level])
        weight, bias = layer.weight, cast(Tensor, layer.bias)
        if cells is not None:
            weight, bias = weight[cells], bias[cells]
        return F.interpolate(F.conv2d(feature, weight, bias), scale_factor=2, mode='bilinear', align_corners=False)

    def loss_by_feat(self, mask_features: list[Tensor], cls_logits: list[Tensor],
                     batch_gt_instances: list[InstanceData], batch_img_metas: list[dict],
                     **kwargs: Any) -> dict[str, Tensor]:
        """Dice of every positive cell's mask and focal loss of every cell's class.

        Raises:
            ValueError: ``strides`` are not those of the maps.
        """
        covered = (self.strides[0] * mask_features[0].shape[-2], self.strides[0] * mask_features[0].shape[-1])
        targets = [
            self.image_targets(gt, cls_logits[0].device, covered, meta.get('scale_factor', (1.0, 1.0)))
            for gt, meta in zip(batch_gt_instances, batch_img_metas, strict=True)
        ]
        logits, masks = [], []
        for level in range(self.num_levels):
            for image, target in enumerate(targets):
                cells, wanted = self.level_masks(target, level)
                if len(cells):
                    found = self.mask_logits(level, mask_features[level][image:image + 1], cells)[0]
                    logits.append(found)
                    masks.append(self.padded_masks(level, wanted, found, target.size))
        nothing = nothing_of([*mask_features, *self.conv_mask_list.parameters()])
        dice = self.mean_dice(logits, masks)
        return dict(
            loss_mask=nothing if dice is None else dice + nothing, loss_cls=self.class_loss(cls_logits, targets))

    @torch.no_grad()
    def predict_by_feat(self, mask_features: list[Tensor], cls_logits: list[Tensor], batch_img_metas: list[dict],
                        rescale: bool = True, **kwargs: Any) -> list[InstanceData]:
        """Instances of every image: ``scores``, ``labels``, ``masks`` and tight ``bboxes``."""
        size = (2 * mask_features[0].shape[-2], 2 * mask_features[0].shape[-1])

        def source(image: int) -> Any:
            return lambda cells: self.cell_masks([level[image:image + 1] for level in mask_features], cells, size)

        sources = [source(image) for image in range(len(batch_img_metas))]
        return self.predict_cells(cls_logits, sources, size, self.strides[0] // 2, batch_img_metas, rescale)

    def cell_masks(self, features: list[Tensor], cells: Tensor, size: tuple[int, int]) -> Tensor:
        """Mask probabilities (n, h, w) of any cells (n,) of one image, enlarged to the finest level's size."""
        masks = torch.zeros(len(cells), *size, device=cells.device)
        for level, (start, stop) in enumerate(pairwise(self.level_starts)):
            mine = ((cells >= start) & (cells < stop)).nonzero().flatten()
            if len(mine):
                soft = self.mask_logits(level, features[level], cells[mine] - start).float().sigmoid()
                masks[mine] = F.interpolate(soft, size=size, mode='bilinear', align_corners=False)[0]
        return masks
