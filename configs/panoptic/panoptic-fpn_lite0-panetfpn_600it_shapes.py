# Stock PanopticFPN with PANet's bottom-up path as neck, generated shapes.
#   python tools/train.py configs/panoptic/panoptic-fpn_lite0-panetfpn_600it_shapes.py
# Measured numbers: configs/panoptic/README.md.
_base_ = ['../_base_/models/mask-rcnn_lite0-small_fpn.py', './_base_/shapes.py']

val_evaluator = test_evaluator = _base_.panoptic_evaluator
default_hooks = dict(checkpoint=dict(save_best='coco_panoptic/PQ', rule='greater'))
model = dict(
    type='PanopticFPN',
    data_preprocessor=dict(pad_seg=True, seg_pad_value=255, pad_size_divisor=32),  # the semantic head adds all strides
    semantic_head=_base_.semantic_head,
    panoptic_fusion_head=_base_.panoptic_fusion_head,
    test_cfg=_base_.fusion_test_cfg,
    backbone=dict(frozen_stages=2),
    neck=dict(type='mmseg_plugins.PANetFPN', bottom_up=True),
    roi_head=dict(
        bbox_head=dict(num_classes=_base_.num_things), mask_head=dict(num_classes=_base_.num_things)))
