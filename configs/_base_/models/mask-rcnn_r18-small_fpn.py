# Mask R-CNN cut down for two CPU cores: ResNet-18 of half the width, an FPN of
# 64 channels on strides 4..32, short heads, few proposals and RoIs.  Trained
# from scratch with batch norm.  What the cuts gain is told in docs/cpu.md.
_base_ = ['mmdet::_base_/models/mask-rcnn_r50_fpn.py']

width = 64  # channels of the pyramid and the heads
base_channels = 32  # of the first backbone stage; doubles with each stage

model = dict(
    data_preprocessor=dict(pad_size_divisor=1),  # crops are never padded in training, so images must not be in tests
    backbone=dict(
        depth=18,
        base_channels=base_channels,
        frozen_stages=-1,
        norm_eval=False,
        init_cfg=None),
    neck=dict(in_channels=[base_channels * 2**i for i in range(4)], out_channels=width, num_outs=4),
    rpn_head=dict(
        in_channels=width,
        feat_channels=width,
        anchor_generator=dict(scales=[4], strides=[4, 8, 16, 32])),
    roi_head=dict(
        bbox_roi_extractor=dict(
            out_channels=width, finest_scale=28, roi_layer=dict(sampling_ratio=1)),
        bbox_head=dict(in_channels=width, fc_out_channels=256),
        mask_roi_extractor=dict(
            out_channels=width, finest_scale=28, roi_layer=dict(sampling_ratio=1)),
        mask_head=dict(num_convs=2, in_channels=width, conv_out_channels=width)),
    train_cfg=dict(
        rpn=dict(sampler=dict(num=128)),
        rpn_proposal=dict(nms_pre=200, max_per_img=100),
        rcnn=dict(sampler=dict(num=64))),
    test_cfg=dict(rpn=dict(nms_pre=200, max_per_img=100)))
