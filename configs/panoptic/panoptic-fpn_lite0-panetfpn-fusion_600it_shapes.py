# Stock PanopticFPN with PANet's path, adaptive feature pooling and fused mask head, generated shapes.
#   python tools/train.py configs/panoptic/panoptic-fpn_lite0-panetfpn-fusion_600it_shapes.py
# Measured numbers: configs/panoptic/README.md.
_base_ = ['../_base_/models/mask-rcnn_lite0-small_fpn.py', './_base_/shapes.py']

val_evaluator = test_evaluator = _base_.panoptic_evaluator
default_hooks = dict(checkpoint=dict(save_best='coco_panoptic/PQ', rule='greater'))
norm_cfg = dict(type='GN', num_groups=16)
pooling = dict(
    _delete_=True,
    type='mmseg_plugins.AllLevelRoIExtractor',
    out_channels=64,
    featmap_strides=[4, 8, 16, 32])
model = dict(
    type='PanopticFPN',
    data_preprocessor=dict(pad_seg=True, seg_pad_value=255, pad_size_divisor=32),  # the semantic head adds all strides
    semantic_head=_base_.semantic_head,
    panoptic_fusion_head=_base_.panoptic_fusion_head,
    test_cfg=_base_.fusion_test_cfg,
    backbone=dict(frozen_stages=2),
    neck=dict(type='mmseg_plugins.PANetFPN', bottom_up=True, norm_cfg=norm_cfg),
    roi_head=dict(
        bbox_roi_extractor=dict(roi_layer=dict(type='RoIAlign', output_size=7, sampling_ratio=1), **pooling),
        bbox_head=dict(
            type='mmseg_plugins.AdaptivePooling2FCBBoxHead',
            num_levels=4,
            norm_cfg=norm_cfg,
            num_classes=_base_.num_things),
        mask_roi_extractor=dict(roi_layer=dict(type='RoIAlign', output_size=14, sampling_ratio=1), **pooling),
        mask_head=dict(
            type='mmseg_plugins.AdaptivePoolingMaskHead',
            num_levels=4,
            fc_fusion=True,
            roi_feat_size=14,
            num_convs=3,
            norm_cfg=norm_cfg,
            num_classes=_base_.num_things)))
