# Stock PanopticFPN with MaskLab's masks, generated shapes.
#   python tools/train.py configs/panoptic/panoptic-fpn_r18-fpn-masklab_600it_shapes.py
# Measured numbers: configs/panoptic/README.md.
_base_ = ['../masklab/_base_/r18-small-fpn.py', './_base_/shapes.py']

val_evaluator = test_evaluator = _base_.panoptic_evaluator
default_hooks = dict(checkpoint=dict(save_best='coco_panoptic/PQ', rule='greater'))
model = dict(
    type='PanopticFPN',
    data_preprocessor=dict(pad_seg=True, seg_pad_value=255, pad_size_divisor=32),  # the semantic head adds all strides
    semantic_head=_base_.semantic_head,
    panoptic_fusion_head=_base_.panoptic_fusion_head,
    test_cfg=_base_.fusion_test_cfg,
    roi_head=dict(
        bbox_head=dict(num_classes=_base_.num_things), mask_head=dict(num_classes=_base_.num_things)))
