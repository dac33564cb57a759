"""PANet's box heads: per-level first layer, element-wise max, then the usual trunk.

Paper: "Path Aggregation Network for Instance Segmentation", https://arxiv.org/abs/1803.01534, section 3.2.
Original code (MIT): https://github.com/ShuLiu1993/PANet/blob/f055f716a21896dab8907c46c12e216323baefdb/lib/modeling/fast_rcnn_heads.py
(``roi_2mlp_head_gn_panet``, ``roi_Xconv1fc_gn_head_panet``).

Differs from the original: label K is background (there 0), the box branch has no background slot.

Shapes: N RoIs, L levels, C channels, h x w bins, K classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from mmdet.models.roi_heads.bbox_heads.bbox_head import BBoxHead
from mmdet.structures.bbox import get_box_tensor
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData
from torch import Tensor, nn
from torch.nn.modules.utils import _pair

from mmseg_plugins.models.layers import FCModule, LevelMaxFusion, conv_block, note_init, xavier_fill_
from mmseg_plugins.models.layers.default_configs import GROUP_NORM, own_dict
from mmseg_plugins.registry import MODELS
from mmseg_plugins.structures.boxes import BoxMode, box_mode_of

RELU = dict(type='ReLU')


class AdaptivePoolingBBoxHead(BBoxHead):
    """Trunk of both box heads; the loss, the targets and the decoding are those of the stock ``BBoxHead``, in the
    chosen mode of boxes.

    .. code-block:: none

        (N, L, C, h, w) -> fusion (first layer a level, max) -> convs -> fcs -> fc_cls, fc_reg

    Args:
        num_convs: 3x3 convolutions, the per-level first one included; 0 makes the first fc the per-level layer.
        num_fcs: Fully connected layers.
        fc_norm: Whether the fully connected layers have a norm, too.
        num_levels: L; 1 reads any stock extractor.
        in_channels: C.
        conv_out_channels: Width of the convolutions.
        fc_out_channels: Width of the fully connected layers.
        roi_feat_size: h, or (h, w).
        norm_cfg: Norm after every convolution (and fc with ``fc_norm``); ``None`` for none.
        box_mode: How proposals and decoded boxes count their pixels.  ``'half_open'``: as mmdet's.  ``'inclusive'``:
            as Detectron's, between objects and results that stay half-open; to be used with
            ``InclusiveDeltaXYWHBBoxCoder`` and an RPN of the same mode.
        convention: Former name of ``box_mode``; its value is a fork of FCIS (``structures.boxes.FORKS``).
        kwargs: Those of ``BBoxHead``.

    Shape:
        (N, L, C, h, w), or (N, C, h, w) when L = 1 -> scores (N, K + 1), deltas (N, 4 K).
    """

    def __init__(self,
                 *,
                 num_convs: int,
                 num_fcs: int,
                 fc_norm: bool,
                 num_levels: int = 4,
                 in_channels: int = 256,
                 conv_out_channels: int = 256,
                 fc_out_channels: int = 1024,
                 roi_feat_size: int | tuple[int, int] = 7,
                 norm_cfg: Mapping[str, Any] | None = GROUP_NORM,
                 box_mode: str = 'half_open',
                 convention: str | None = None,
                 init_cfg: dict | list | None = None,
                 **kwargs: Any) -> None:
        mode = box_mode_of(box_mode, type(self).__name__, convention)
        # The stock constructor makes the two predictors; it is told the size of what they will read.
        super().__init__(in_channels=fc_out_channels, roi_feat_size=1, init_cfg=init_cfg, **kwargs)
        self.in_channels = in_channels
        self.roi_feat_size = _pair(roi_feat_size)
        self.roi_feat_area = self.roi_feat_size[0] * self.roi_feat_size[1]
        self.num_levels = num_levels
        self.box_mode = mode
        self._default_init = init_cfg is None
        name = type(self).__name__
        norm = own_dict(norm_cfg)

        def conv(channels: int) -> nn.Module:
            return conv_block(
                channels, conv_out_channels, 3, norm_cfg=norm, act_cfg=RELU, where=f'{name} conv_out_channels')

        def fc(features: int) -> nn.Module:
            return FCModule(
                features,
                fc_out_channels,
                norm_cfg=norm if fc_norm else None,
                act_cfg=RELU,
                where=f'{name} fc_out_channels')

        if num_convs > 0:
            first = [conv(in_channels) for _ in range(num_levels)]
            features = [conv_out_channels * self.roi_feat_area] + [fc_out_channels] * (num_fcs - 1)
        else:
            first = [fc(in_channels * self.roi_feat_area) for _ in range(num_levels)]
            features = [fc_out_channels] * (num_fcs - 1)
        self.fusion = LevelMaxFusion(first, owner=name)
        self.convs = nn.ModuleList(conv(conv_out_channels) for _ in range(num_convs - 1))
        self.fcs = nn.ModuleList(fc(size) for size in features)

    def init_weights(self) -> None:
        """Fully connected layers: caffe2's Xavier; convolutions: N(0, 2 / fan_out), which ``ConvModule`` gives."""
        super().init_weights()
        if not self._default_init:
            return
        for module in (*self.fusion.modules(), *self.fcs.modules()):
            if isinstance(module, nn.Linear):
                xavier_fill_(module.weight)
                nn.init.zeros_(module.bias)
                note_init(module, 'caffe2 XavierFill, bias 0')

    def features(self, x: Tensor) -> Tensor:
        """Pooled features -> (N, ``fc_out_channels``), what the two predictors read."""
        if tuple(x.shape[-2:]) != self.roi_feat_size:
            raise ValueError(
                f'{type(self).__name__}: roi_feat_size={self.roi_feat_size}, but the RoI extractor gives bins of '
                f'{tuple(x.shape[-2:])}; set both (roi_layer.output_size of the extractor) to the same size')
        x = self.fusion(x)
        for layer in (*self.convs, *self.fcs):
            x = layer(x)
        return x

    def forward(self, x: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Give the class scores and the box deltas, as stock heads do."""
        x = self.features(x)
        cls_score = self.fc_cls(x) if self.with_cls else None
        bbox_pred = self.fc_reg(x) if self.with_reg else None
        return cls_score, bbox_pred

    def _get_targets_single(self, pos_priors: Tensor, neg_priors: Tensor, pos_gt_bboxes: Tensor, pos_gt_labels: Tensor,
                            cfg: ConfigDict) -> tuple[Tensor, ...]:
        """Stock targets of one image, against boxes of the configured mode."""
        boxes = self.box_mode.from_half_open(get_box_tensor(pos_gt_bboxes))
        targets: tuple[Tensor, ...] = super()._get_targets_single(pos_priors, neg_priors, boxes, pos_gt_labels, cfg)
        return targets

    def _predict_by_feat_single(self,
                                roi: Tensor,
                                cls_score: Tensor,
                                bbox_pred: Tensor,
                                img_meta: dict,
                                rescale: bool = False,
                                rcnn_test_cfg: ConfigDict | None = None) -> InstanceData:
        """Stock detections of one image, half-open.

        The pixel that inclusive corners lack is one of the original image, as in Detectron, which scales boxes before
        it counts their pixels: ``scale_factor`` pixels of the network's input.
        """
        found: InstanceData = super()._predict_by_feat_single(
            roi, cls_score, bbox_pred, img_meta, rescale, rcnn_test_cfg)
        if self.box_mode is BoxMode.HALF_OPEN:
            return found
        height, width = img_meta['ori_shape' if rescale else 'img_shape'][:2]
        pixel = (1.0, 1.0) if rescale else img_meta.get('scale_factor', (1.0, 1.0))
        boxes = found.bboxes.reshape(-1, 4)
        grown = boxes + boxes.new_tensor([0, 0, *pixel])
        found.bboxes = torch.minimum(grown, boxes.new_tensor([width, height] * 2)).reshape(found.bboxes.shape)
        return found


@MODELS.register_module()
class AdaptivePooling2FCBBoxHead(AdaptivePoolingBBoxHead):
    """Two fully connected layers, the first one a level; norm after both.  Arguments: see the base class."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(num_convs=0, num_fcs=2, fc_norm=True, **kwargs)


@MODELS.register_module()
class AdaptivePooling4Conv1FCBBoxHead(AdaptivePoolingBBoxHead):
    """Four convolutions with norm, the first one a level, and one fully connected layer without.

    The "heavier head" of the released R-50 models.  Arguments: see the base class.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(num_convs=4, num_fcs=1, fc_norm=False, **kwargs)
