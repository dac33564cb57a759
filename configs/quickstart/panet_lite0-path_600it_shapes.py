# The quickstart's model with Mask R-CNN's masks in place of MaskLab's, half as long again: a small Mask R-CNN with
# PANet's bottom-up path, on EfficientNet-Lite0 with ImageNet weights from a package, on generated shapes.
#   python tools/train.py configs/quickstart/panet_lite0-path_600it_shapes.py
# Measured numbers: configs/quickstart/README.md.
_base_ = [
    '../_base_/models/mask-rcnn_lite0-small_fpn.py',
    '../_base_/datasets/shapes_instance.py',
    '../_base_/schedules/small_1500it.py',
    '../_base_/runtime/iters_runtime.py',
]

# ------------------------------------------------------------------ often changed
max_iters = 600
val_interval = 300
decay_from = 180
base_lr = 3e-3
warmup_iters = 30
backbone_lr_mult = 0.25  # its weights are good already; those of the heads begin from nothing

# ------------------------------------------------------------------ hardly ever
strides = [4, 8, 16]  # a map of stride 32 has 4 x 4 cells here, and its blocks take a third of the backbone's time
norm_cfg = dict(type='BN')  # the loss at iteration 50 was 9.4 without it, 2.5 with it, on shapes of seed 7

model = dict(
    backbone=dict(frozen_stages=0, norm_eval=True, out_indices=(1, 2, 3)),  # the stem alone keeps its weights
    neck=dict(
        type='mmseg_plugins.PANetFPN', bottom_up=True, in_channels=[24, 40, 112], num_outs=3, norm_cfg=norm_cfg),
    rpn_head=dict(anchor_generator=dict(strides=strides)),
    roi_head=dict(
        bbox_roi_extractor=dict(featmap_strides=strides),
        bbox_head=dict(num_classes=5, reg_class_agnostic=True),
        mask_roi_extractor=dict(featmap_strides=strides),
        mask_head=dict(num_classes=5, class_agnostic=True, norm_cfg=norm_cfg)),
    train_cfg=dict(
        rpn=dict(sampler=dict(num=64)),
        rpn_proposal=dict(nms_pre=100, max_per_img=50),
        rcnn=dict(sampler=dict(num=48, pos_fraction=0.33))))

train_cfg = dict(max_iters=max_iters, val_interval=val_interval)
optim_wrapper = dict(
    optimizer=dict(lr=base_lr),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=backbone_lr_mult))))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=warmup_iters),
    dict(type='LinearLR', start_factor=1.0, end_factor=0.01, by_epoch=False, begin=decay_from, end=max_iters),
]
custom_hooks = [dict(type='mmseg_plugins.ChannelsLastHook')]
default_hooks = dict(checkpoint=dict(interval=val_interval))
