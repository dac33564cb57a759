"""PANet's mask head: adaptive feature pooling and fully-connected fusion.

Paper: "Path Aggregation Network for Instance Segmentation", https://arxiv.org/abs/1803.01534, sections 3.2 and 3.3.
Original code (MIT): https://github.com/ShuLiu1993/PANet/blob/f055f716a21896dab8907c46c12e216323baefdb/lib/modeling/mask_rcnn_heads.py
(``mask_rcnn_fcn_head_v1upXconvs_gn_adp_ff`` + ``mask_rcnn_outputs``).

Differs from the original: the class logits have no background channel.

Shapes: N RoIs, L levels, C channels, h x w bins, m = scale_factor * h (and w) mask pixels, K classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmdet.models.roi_heads.mask_heads.fcn_mask_head import FCNMaskHead
from torch import Tensor, nn

from mmseg_plugins.models.layers import LevelMaxFusion, check_norm_channels, conv_block, note_init
from mmseg_plugins.models.layers.default_configs import GROUP_NORM, own_dict
from mmseg_plugins.registry import MODELS

RELU = dict(type='ReLU')


class FCMaskBranch(nn.Module):
    """One class-agnostic mask a RoI from a fully connected layer, which sees where in the RoI each pixel lies.

    ``convs.0`` (C -> C) -> ``convs.1`` (C -> C / 2) -> flatten -> ``fc`` + ReLU -> mask.

    Shape:
        (N, C, h, w) -> (N, 1, m_h, m_w), values >= 0.
    """

    def __init__(self, channels: int, roi_size: tuple[int, int], mask_size: tuple[int, int],
                 norm_cfg: dict | None) -> None:
        super().__init__()
        self.roi_size = roi_size
        self.mask_size = mask_size
        where = 'the fully connected branch of AdaptivePoolingMaskHead (half of conv_out_channels)'
        self.convs = nn.Sequential(
            conv_block(channels, channels, 3, norm_cfg=norm_cfg, act_cfg=RELU, where=where),
            conv_block(channels, channels // 2, 3, norm_cfg=norm_cfg, act_cfg=RELU, where=where))
        self.fc = nn.Linear(channels // 2 * roi_size[0] * roi_size[1], mask_size[0] * mask_size[1])

    def init_weights(self) -> None:
        """Fully connected layer: N(0, 0.01), bias 0."""
        nn.init.normal_(self.fc.weight, std=0.01)
        nn.init.zeros_(self.fc.bias)
        note_init(self.fc, 'normal, std 0.01, bias 0')

    def forward(self, x: Tensor) -> Tensor:
        """See the class; ``ValueError`` when the bins are not ``roi_size``."""
        if tuple(x.shape[-2:]) != self.roi_size:
            raise ValueError(
                f'AdaptivePoolingMaskHead: roi_feat_size={self.roi_size}, but the mask RoI extractor gives bins of '
                f'{tuple(x.shape[-2:])}; set both (roi_layer.output_size of the extractor) to the same size')
        x = self.fc(self.convs(x).flatten(1)).relu()
        return x.reshape(x.size(0), 1, *self.mask_size)  # (N, m_h * m_w) -> (N, 1, m_h, m_w)


@MODELS.register_module()
class AdaptivePoolingMaskHead(FCNMaskHead):
    """FCN mask head whose first convolution may be one a level, and which may add a fully connected mask.

    .. code-block:: none

        (N, L, C, h, w) -> convs.0 (a level each, max) -> convs.1 -> convs.2
            convs.2 -> convs.3 -> upsample -> conv_logits --+--> sum
            convs.2 -> fc_branch (one map for all classes) -+

    Targets, loss and pasting are those of the stock ``FCNMaskHead``; the sigmoid comes after the sum.

    Args:
        num_levels: L; 1 reads any stock extractor.
        fc_fusion: Whether to add the fully connected branch.
        fusion_start: Number of convolutions before the branch starts; ``None`` = all but the last (the paper's conv3
            of 4, which it found best).
        num_convs: 3x3 convolutions, the per-level first one included.
        roi_feat_size: h, or (h, w).  The mask, and ``train_cfg.rcnn.mask_size``, is ``upsample_cfg.scale_factor``
            times as large.
        norm_cfg: Norm of all convolutions; ``None`` for none.
        kwargs: Those of ``FCNMaskHead`` (``in_channels``, ``conv_out_channels``, ``num_classes``, ``upsample_cfg``,
            ``class_agnostic``, ``loss_mask``, ...).

    Shape:
        (N, L, C, h, w), or (N, C, h, w) when L = 1 -> logits (N, K, m, m).
    """

    def __init__(self,
                 *,
                 num_levels: int = 4,
                 fc_fusion: bool = True,
                 fusion_start: int | None = None,
                 num_convs: int = 4,
                 norm_cfg: Mapping[str, Any] | None = GROUP_NORM,
                 **kwargs: Any) -> None:
        if num_convs < 1:
            raise ValueError(f'AdaptivePoolingMaskHead: num_convs={num_convs}, the per-level layer needs at least 1')
        norm = own_dict(norm_cfg)
        check_norm_channels(norm, kwargs.get('conv_out_channels', 256), 'AdaptivePoolingMaskHead conv_out_channels')
        super().__init__(num_convs=num_convs, norm_cfg=norm, **kwargs)
        self.num_levels = num_levels
        self.fusion_start = max(num_convs - 1, 1) if fusion_start is None else fusion_start
        if not 1 <= self.fusion_start <= num_convs:
            raise ValueError(f'AdaptivePoolingMaskHead: fusion_start={fusion_start} must lie in 1..{num_convs}, the '
                             'number of convolutions before the fully connected branch')
        first = [
            conv_block(
                self.in_channels, self.conv_out_channels, self.conv_kernel_size, norm_cfg=norm, act_cfg=RELU,
                where='AdaptivePoolingMaskHead conv_out_channels') for _ in range(num_levels)
        ]
        self.convs[0] = LevelMaxFusion(first, owner=type(self).__name__)
        self.fc_branch = None
        if fc_fusion:
            scale = self.scale_factor if self.upsample_method is not None else 1
            mask_size = (self.roi_feat_size[0] * scale, self.roi_feat_size[1] * scale)
            self.fc_branch = FCMaskBranch(self.conv_out_channels, self.roi_feat_size, mask_size, norm)

    def init_weights(self) -> None:
        """Convolutions: N(0, 2 / fan_out).  With one output channel the predictor starts from N(0, 0.001), as the
        original does for class-agnostic masks: 2 / fan_out would be a standard deviation of 1.4 there."""
        super().init_weights()
        if self.conv_logits.weight.size(0) == 1:
            nn.init.normal_(self.conv_logits.weight, std=0.001)
            note_init(self.conv_logits, 'normal, std 0.001 (one output channel)')
        if self.fc_branch is not None:
            self.fc_branch.init_weights()

    def forward(self, x: Tensor) -> Tensor:
        """Give mask logits (N, K, m, m)."""
        fc_mask = None
        for index, conv in enumerate(self.convs):
            x = conv(x)
            if self.fc_branch is not None and index + 1 == self.fusion_start:
                fc_mask = self.fc_branch(x)
        if self.upsample is not None:
            x = self.upsample(x)
            if self.upsample_method == 'deconv':
                x = self.relu(x)
        logits = self.conv_logits(x)
        return logits if fc_mask is None else logits + fc_mask  # (N, K, m, m) + (N, 1, m, m)
