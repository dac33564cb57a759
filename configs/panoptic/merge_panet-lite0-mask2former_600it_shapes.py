# Panoptic maps of two models: things of PANet, stuff of the four-level Mask2Former of the shapes.
# Training gives the instance model; the weights of configs/quickstart/panet_lite0-path_600it_shapes.py fit, too.
#   python tools/train.py configs/panoptic/merge_panet-lite0-mask2former_600it_shapes.py
#   python tools/test.py configs/panoptic/merge_panet-lite0-mask2former_600it_shapes.py INSTANCE_CHECKPOINT \
#       --cfg-options post_process.checkpoint=SEMANTIC_CHECKPOINT
# Measured numbers: configs/panoptic/README.md.
_base_ = ['../_base_/models/mask-rcnn_lite0-small_fpn.py', './_base_/shapes.py']

post_process = _base_.panoptic_merge
val_evaluator = _base_.val_evaluator[-1:]  # the instance model alone is validated
default_hooks = dict(checkpoint=dict(save_best='coco/segm_mAP', rule='greater'))
# The model of that config, whose weights are read here.
strides = [4, 8, 16]
norm_cfg = dict(type='BN')
model = dict(
    backbone=dict(frozen_stages=0, norm_eval=True, out_indices=(1, 2, 3)),
    neck=dict(
        type='mmseg_plugins.PANetFPN', bottom_up=True, in_channels=[24, 40, 112], num_outs=3, norm_cfg=norm_cfg),
    rpn_head=dict(anchor_generator=dict(strides=strides)),
    roi_head=dict(
        bbox_roi_extractor=dict(featmap_strides=strides),
        bbox_head=dict(num_classes=_base_.num_things, reg_class_agnostic=True),
        mask_roi_extractor=dict(featmap_strides=strides),
        mask_head=dict(num_classes=_base_.num_things, class_agnostic=True, norm_cfg=norm_cfg)),
    train_cfg=dict(
        rpn=dict(sampler=dict(num=64)),
        rpn_proposal=dict(nms_pre=100, max_per_img=50),
        rcnn=dict(sampler=dict(num=48, pos_fraction=0.33))))
