# The quickstart of make demo, two systems in one model: PANet's pyramid with its bottom-up path under MaskLab's masks.
# On EfficientNet-Lite0 with the ImageNet weights that a package of the index carries, on generated shapes, two CPU cores
# and no download.
#   python tools/train.py configs/quickstart/masklab_lite0-panetfpn_560it_shapes.py
# Measured numbers: configs/quickstart/README.md.
_base_ = [
    '../_base_/models/mask-rcnn_lite0-small_fpn.py',
    '../_base_/datasets/shapes_instance.py',
    '../_base_/schedules/small_1500it.py',
    '../_base_/runtime/iters_runtime.py',
]

# ------------------------------------------------------------------ often changed
max_iters = 560
val_interval = 280
decay_from = 140
base_lr = 3e-3
warmup_iters = 30
backbone_lr_mult = 0.25  # its weights are good already; those of the heads begin from nothing
mask_size = 21
batch_size = 4  # half a batch takes two thirds of the time, and twice the steps are worth more

# ------------------------------------------------------------------ hardly ever
strides = [4, 8, 16]  # a map of stride 32 has 4 x 4 cells here, and its blocks take a third of the backbone's time
norm_cfg = dict(type='BN')  # the loss at iteration 50 was 9.4 without it, 2.5 with it, on shapes of seed 7

# Maps: 0 to 2 of the pyramid (64 channels, strides 4 to 16), 3 of the backbone (16 channels, stride 2): detail for masks
model = dict(
    backbone=dict(frozen_stages=0, norm_eval=True, out_indices=(0, 1, 2, 3)),  # the stem alone keeps its weights
    neck=dict(
        _delete_=True,
        type='mmseg_plugins.RawMapsNeck',
        in_indices=[1, 2, 3],
        raw_indices=[0],
        neck=dict(
            type='mmseg_plugins.PANetFPN',
            bottom_up=True,
            in_channels=[24, 40, 112],
            out_channels=64,
            num_outs=3,
            norm_cfg=norm_cfg)),
    rpn_head=dict(
        type='mmseg_plugins.LevelRPNHead', in_levels=[0, 1, 2], anchor_generator=dict(strides=strides)),
    roi_head=dict(
        type='mmseg_plugins.MaskLabRoIHead',
        bbox_in_indices=[0, 1, 2],
        bbox_roi_extractor=dict(featmap_strides=strides),
        bbox_head=dict(num_classes=5, reg_class_agnostic=True),
        mask_roi_extractor=None,
        mask_head=dict(
            _delete_=True,
            type='mmseg_plugins.MaskLabMaskHead',
            num_classes=5,
            in_channels=64,
            logits_index=0,
            logits_stride=4,
            mask_size=mask_size,
            refine=dict(
                indices=[0, 3],
                channels=[64, 16],
                strides=[4, 2],
                conv_channels=32,
                num_convs=2,
                kernel_size=3,
                norm_cfg=norm_cfg))),
    train_cfg=dict(
        rpn=dict(sampler=dict(num=64)),
        rpn_proposal=dict(nms_pre=100, max_per_img=50),
        rcnn=dict(sampler=dict(num=48, pos_fraction=0.33), max_masks_per_img=16, mask_size=None)))

train_dataloader = dict(batch_size=batch_size)
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
