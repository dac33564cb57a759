# MaskLab's network: ResNet-101 with output stride 8, no pyramid.  Maps that the heads can read:
#   0 stem (64, stride 2)   1 res2 (256, stride 4)   2 res3 (512, stride 8)   3 res4 (1024)   4 res5 (2048)
# Proposals and boxes come from res4; boxes go through a copy of res5 of their own, masks through the original.
_base_ = ['mmdet::_base_/models/mask-rcnn_r50-caffe-c4.py']

# ------------------------------------------------------------------ often changed
mask_size = 41
hypercolumn = dict(indices=[0, 1], channels=[64, 256], strides=[2, 4])  # what refinement adds: stem and res2
pretrained = dict(type='Pretrained', checkpoint='torchvision://resnet101')

norm_cfg = dict(type='BN', requires_grad=False)
model = dict(
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True),
    backbone=dict(
        _delete_=True,
        type='mmseg_plugins.TapBackbone',
        taps=['relu'],
        net=dict(
            type='mmdet.ResNet',
            depth=101,
            strides=(1, 2, 1, 1),
            dilations=(1, 1, 2, 4),
            norm_cfg=norm_cfg,
            norm_eval=True,
            style='pytorch',
            init_cfg=pretrained)),
    rpn_head=dict(
        type='mmseg_plugins.LevelRPNHead',
        in_levels=[3],
        box_mode='half_open',  # boxes are half-open, as everywhere in mmdet
        feat_channels=512,
        anchor_generator=dict(scales=[8, 16, 32, 64], strides=[8])),  # 64, 128, 256, 512 px
    roi_head=dict(
        type='mmseg_plugins.MaskLabRoIHead',
        bbox_in_indices=[3],
        shared_head=dict(depth=101, stride=1, style='pytorch', norm_cfg=norm_cfg, init_cfg=pretrained),
        bbox_roi_extractor=dict(
            _delete_=True,
            type='mmseg_plugins.CropResizeRoIExtractor',
            output_size=14,
            pool=2,
            out_channels=1024,
            featmap_strides=[8]),
        mask_head=dict(
            _delete_=True,
            type='mmseg_plugins.MaskLabMaskHead',
            num_classes=80,
            in_channels=2048,
            logits_index=4,
            logits_stride=8,
            mask_size=mask_size,
            num_directions=8,
            num_distances=1,
            loss_coarse=dict(type='mmseg_plugins.MaskBCELoss', loss_weight=1.0),
            loss_refined=dict(type='mmseg_plugins.MaskBCELoss', loss_weight=1.0))),
    train_cfg=dict(
        rpn_proposal=dict(nms_pre=6000, max_per_img=300),
        # The size of the masks is mask_head.mask_size; the stock head's is not read.
        rcnn=dict(sampler=dict(num=64), max_masks_per_img=32, mask_size=None)),
    test_cfg=dict(rpn=dict(max_per_img=300)))
