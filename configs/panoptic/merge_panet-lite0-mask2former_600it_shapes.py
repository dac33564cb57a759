# Panoptic maps of two models: things of PANet, stuff of the semantic Mask2Former of the shapes.
# Training gives the instance model; the weights of configs/quickstart/panet_lite0-path_600it_shapes.py fit, too.
#   python tools/train.py configs/panoptic/merge_panet-lite0-mask2former_600it_shapes.py
#   python tools/test.py configs/panoptic/merge_panet-lite0-mask2former_600it_shapes.py INSTANCE_CHECKPOINT \
#       --cfg-options post_process.checkpoint=SEMANTIC_CHECKPOINT
# Not yet measured here.
_base_ = ['../_base_/models/mask-rcnn_lite0-small_fpn.py', './_base_/shapes.py']

post_process = _base_.panoptic_merge
default_hooks = dict(checkpoint=dict(save_best='coco/segm_mAP', rule='greater'))
model = dict(
    backbone=dict(frozen_stages=2),
    neck=dict(type='mmseg_plugins.PANetFPN', bottom_up=True),
    roi_head=dict(
        bbox_head=dict(num_classes=_base_.num_things), mask_head=dict(num_classes=_base_.num_things)))
