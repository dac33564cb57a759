"""SOLOv2: each grid cell predicts the weights of the convolution that draws its mask.

Paper: SOLOv2: Dynamic and Fast Instance Segmentation, https://arxiv.org/abs/2003.10152.
Original (research licence): https://github.com/WXinlong/SOLO/tree/f4cd03b9404e3bd84ca0be45966fb61d20d2efe6 ,
mmdet/models/anchor_heads/solov2_head.py and mmdet/models/mask_heads/mask_feat_head.py; network and parameter names are
those of mmdet's head.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule, normal_init
from mmengine.structures import InstanceData
from torch import Tensor, nn

from mmseg_plugins.models.layers import coordinate_maps
from mmseg_plugins.registry import MODELS

from .solo_base_head import SOLOBaseHead, flatten_cells, nothing_of, small_normal_init


class MaskFeatures(BaseModule):
    """Mask feature branch: maps of the neck, enlarged to the finest one's size and added.

    .. code-block:: none

        map i -- i times (conv 3x3, norm, ReLU, x2) --\\
        map 0 -- conv 3x3, norm, ReLU ------------------+--(enlarged by ``scale``)-- conv_pred 1x1, norm, ReLU

    The coarsest map has coordinate channels.

    Args:
        in_channels: Of the neck's maps.
        feat_channels: Hidden channels.
        start_level, end_level: First and last map of the neck that take part.
        out_channels: D, of the mask features.
        mask_stride: Stride of the mask features; divides ``input_stride``.  One that is finer than the finest map
            enlarges the sum before the last layer.
        input_stride: Stride of the neck's finest map.  Each branch enlarges its map to that one's size, also where
            ``start_level`` leaves it out.
        conv_cfg, norm_cfg: Of all convolutions; plain ones without a norm when absent.
        init_cfg: Replaces the original's N(0, 0.01).

    Raises:
        ValueError: the levels are not in order, or ``mask_stride`` does not divide ``input_stride``.
    """

    def __init__(self,
                 *,
                 in_channels: int,
                 feat_channels: int,
                 start_level: int,
                 end_level: int,
                 out_channels: int,
                 mask_stride: int = 4,
                 input_stride: int = 4,
                 conv_cfg: dict | None = None,
                 norm_cfg: dict | None = None,
                 init_cfg: dict | list[dict] | None = None) -> None:
        super().__init__(init_cfg=small_normal_init(()) if init_cfg is None else init_cfg)
        if not 0 <= start_level <= end_level:
            raise ValueError(f'mask_feature_head.start_level={start_level} must lie between 0 and '
                             f'end_level={end_level}')
        if mask_stride < 1 or input_stride % mask_stride:
            raise ValueError(
                f'mask_feature_head.mask_stride={mask_stride} must divide the stride of the neck\'s finest '
                f'map, input_stride={input_stride}: the mask map has the size of that map or a multiple of it')
        self.start_level = start_level
        self.end_level = end_level
        self.mask_stride = mask_stride
        self.scale = input_stride // mask_stride
        self.convs_all_levels = nn.ModuleList()
        for level in range(start_level, end_level + 1):
            branch = nn.Sequential()
            channels = in_channels + 2 if 0 < level == end_level else in_channels
            for index in range(max(level, 1)):
                branch.add_module(
                    f'conv{index}',
                    ConvModule(channels, feat_channels, 3, padding=1, conv_cfg=conv_cfg, norm_cfg=norm_cfg,
                               inplace=False))
                if level:
                    branch.add_module(f'upsample{index}',
                                      nn.Upsample(scale_factor=2, mode='bilinear', align_corners=False))
                channels = feat_channels
            self.convs_all_levels.append(branch)
        self.conv_pred = ConvModule(feat_channels, out_channels, 1, conv_cfg=conv_cfg, norm_cfg=norm_cfg)

    def init_weights(self) -> None:
        """Fill all convolutions from N(0, 0.01), the last one included.

        In mmdet the last one is filled by Kaiming's rule: its ``ConvModule`` initializes itself after the module has.
        """
        super().init_weights()
        normal_init(self.conv_pred.conv, std=0.01)

    def forward(self, x: tuple[Tensor, ...]) -> Tensor:
        """Maps of the neck, finest first -> (B, D, H / mask_stride, W / mask_stride), H x W the padded image.

        Raises:
            ValueError: the enlarged maps differ in size.
        """
        inputs = list(x[self.start_level:self.end_level + 1])
        if self.end_level > 0:
            inputs[-1] = torch.cat([inputs[-1], coordinate_maps(inputs[-1])], 1)
        total = self.convs_all_levels[0](inputs[0])
        for index, (branch, level) in enumerate(zip(self.convs_all_levels[1:], inputs[1:], strict=True), start=1):
            part = branch(level)
            if part.shape != total.shape:
                divisor = 2**self.end_level * self.scale * self.mask_stride
                raise ValueError(
                    f'map {self.start_level + index} of the neck, {tuple(level.shape[-2:])}, becomes '
                    f'{tuple(part.shape[-2:])} where the finer ones have {tuple(total.shape[-2:])}: the padded image '
                    f'must be a multiple of the coarsest map\'s stride; set pad_size_divisor={divisor} in the data '
                    'preprocessor')
            total = total + part
        if self.scale > 1:
            total = F.interpolate(total, scale_factor=self.scale, mode='bilinear', align_corners=False)
        return self.conv_pred(total)


@MODELS.register_module()
class SOLOV2Head(SOLOBaseHead):
    """SOLOv2: a kernel for each cell, applied to mask features that all levels share.

    The mask loss is the mean over all mask targets, those that share a cell included, as in the original.  (mmdet
    divides their sum by the number of distinct cells: a larger loss on crowded images.)

    Args:
        mask_feature_head: Arguments of :class:`MaskFeatures`, without ``in_channels``.
        dynamic_conv_size: k, side of the kernels.
        dcn_cfg: Convolution of the towers, e.g. ``dict(type='DCN')``; plain when absent.
        dcn_apply_to_all_conv: Whether ``dcn_cfg`` is that of all layers or, as in the light version, of the last one.
        kwargs: Those of :class:`SOLOBaseHead`; ``resize_ends`` decides only what the class and kernel branches see
            before they are resized to the grids.

    Raises:
        ValueError: ``loss_mask`` does not apply the sigmoid, ``mask_stride`` does not divide the map's stride, and see
            :class:`SOLOBaseHead`.
    """

    default_min_mask_area = 1

    def __init__(self,
                 *,
                 mask_feature_head: dict,
                 dynamic_conv_size: int = 1,
                 dcn_cfg: dict | None = None,
                 dcn_apply_to_all_conv: bool = True,
                 **kwargs: Any) -> None:
        self.dcn_cfg = dcn_cfg
        self.dcn_apply_to_all_conv = dcn_apply_to_all_conv
        self.dynamic_conv_size = dynamic_conv_size
        self.kernel_out_channels = mask_feature_head['out_channels'] * dynamic_conv_size**2
        super().__init__(**kwargs)
        if mask_feature_head.get('in_channels') not in (None, self.in_channels):
            warnings.warn(f'mask_feature_head.in_channels={mask_feature_head["in_channels"]} is replaced by the '
                          f'head\'s in_channels={self.in_channels}: both see the maps of the neck', stacklevel=2)
        options = dict(mask_feature_head, in_channels=self.in_channels)
        MaskFeatures(**options)  # draws what mmdet's own branch drew: seeded runs keep the weights of published scores
        self.mask_feature_head = MaskFeatures(**options)
        self.mask_stride = self.mask_feature_head.mask_stride

    def build_layers(self) -> None:
        """Make both towers and the last layers; the order in which layers are listed is that of mmdet's head."""
        self.cls_convs, self.kernel_convs = nn.ModuleList(), nn.ModuleList()
        for index in range(self.stacked_convs):
            deformable = self.dcn_apply_to_all_conv or index == self.stacked_convs - 1
            conv_cfg = self.dcn_cfg if deformable else None
            self.kernel_convs.append(self.tower_layer(index, coordinates=2, conv_cfg=conv_cfg))
            self.cls_convs.append(self.tower_layer(index, conv_cfg=conv_cfg))
        self.conv_cls = self.output_layer(self.num_classes)
        self.conv_kernel = self.output_layer(self.kernel_out_channels)

    def forward(self, x: tuple[Tensor, ...]) -> tuple[list[Tensor], list[Tensor], Tensor]:
        """Run the three branches on maps (B, C_in, H_i, W_i) of the neck, finest first.

        Returns:
            For each level kernels (B, D k^2, S, S) and class logits (B, C, S, S); mask features (B, D, h, w).
        """
        kernels, cls_logits = [], []
        for grid, feature in zip(self.num_grids, self.resize_feats(x), strict=True):
            placed = torch.cat([feature, coordinate_maps(feature)], 1)
            placed = F.interpolate(placed, size=grid, mode='bilinear', align_corners=False)
            kernel, score = placed, placed[:, :-2]
            for kernel_conv, cls_conv in zip(self.kernel_convs, self.cls_convs, strict=True):
                kernel, score = kernel_conv(kernel), cls_conv(score)
            kernels.append(self.conv_kernel(kernel))
            cls_logits.append(self.conv_cls(score))
        return kernels, cls_logits, self.mask_feature_head(x)

    def draw(self, kernels: Tensor, mask_features: Tensor) -> Tensor:
        """Mask logits (P, h, w) of kernels (P, D k^2) on one image's mask features (1, D, h, w)."""
        size = self.dynamic_conv_size
        weight = kernels.reshape(len(kernels), -1, size, size)
        return F.conv2d(mask_features, weight, padding=size // 2)[0]

    def mask_ratios(self) -> list[int]:
        """All levels share one mask map."""
        return [self.mask_stride] * self.num_levels

    def loss_by_feat(self, kernels: list[Tensor], cls_logits: list[Tensor], mask_features: Tensor,
                     batch_gt_instances: list[InstanceData], batch_img_metas: list[dict],
                     **kwargs: Any) -> dict[str, Tensor]:
        """Dice of every (object, cell) pair's mask and focal loss of every cell's class.

        Raises:
            ValueError: the targets do not have the size of the mask features.
        """
        targets = [
            self.image_targets(gt, mask_features.device, scale=meta.get('scale_factor', (1.0, 1.0)))
            for gt, meta in zip(batch_gt_instances, batch_img_metas, strict=True)
        ]
        all_kernels = flatten_cells(kernels)  # (B, T, D k^2)
        logits, masks = [], []
        for image, target in enumerate(targets):
            starts = self.level_starts[:-1]
            cells = torch.cat([level.cells + start for level, start in zip(target.levels, starts, strict=True)])
            objects = torch.cat([level.objects for level in target.levels])
            if not len(cells):
                continue
            logits.append(self.draw(all_kernels[image, cells], mask_features[image:image + 1]))
            masks.append(target.masks[self.mask_stride][objects])
            if logits[-1].shape != masks[-1].shape:
                raise ValueError(
                    f'the mask features are {tuple(mask_features.shape[-2:])}, but targets at mask_stride='
                    f'{self.mask_stride} are {tuple(masks[-1].shape[-2:])}: input_stride of mask_feature_head must be '
                    "the stride of the neck's finest map, and pad_size_divisor a multiple of the coarsest")
        nothing = nothing_of([*kernels, mask_features])
        dice = self.mean_dice(logits, masks)
        return dict(
            loss_mask=nothing if dice is None else dice + nothing, loss_cls=self.class_loss(cls_logits, targets))

    @torch.no_grad()
    def predict_by_feat(self, kernels: list[Tensor], cls_logits: list[Tensor], mask_features: Tensor,
                        batch_img_metas: list[dict], rescale: bool = True, **kwargs: Any) -> list[InstanceData]:
        """Instances of every image: ``scores``, ``labels``, ``masks`` and tight ``bboxes``."""
        all_kernels = flatten_cells(kernels)
        size = (mask_features.shape[-2], mask_features.shape[-1])

        def source(image: int) -> Any:
            return lambda cells: self.draw(all_kernels[image, cells], mask_features[image:image + 1]).float().sigmoid()

        sources = [source(image) for image in range(len(batch_img_metas))]
        return self.predict_cells(cls_logits, sources, size, self.mask_stride, batch_img_metas, rescale)
