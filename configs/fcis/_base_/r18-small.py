# FCIS on the small setting's pyramid: ResNet-18 of half the width and a stock
# FPN, cut down as ../../_base_/models/mask-rcnn_r18-small_fpn.py is.
# The RPN reads all levels, the head the one of stride 4: 7 x 7 groups of
# a 20-pixel object on a stride-16 map would all lie in the same two pixels.
_base_ = ['mmdet::_base_/models/mask-rcnn_r50_fpn.py']

# ------------------------------------------------------------------ often changed
width = 64  # channels of the pyramid and of the head
base_channels = 32  # of the first backbone stage; doubles with each stage
# RoIs per image that enter the loss, of how many: the original's.  Objects have the larger losses, so with few
# RoIs, or many objects, mining leaves no background among them, and everything becomes an object.
num_rois = 128
num_proposals = 300

inclusive_iou = dict(type='mmseg_plugins.InclusiveOverlaps')  # widths x2 - x1 + 1
model = dict(
    # Crops are never padded in training, so images must not be in tests.
    data_preprocessor=dict(pad_mask=True, pad_size_divisor=1),
    backbone=dict(
        depth=18,
        base_channels=base_channels,
        frozen_stages=-1,
        norm_eval=False,
        init_cfg=None),
    neck=dict(in_channels=[base_channels * 2**i for i in range(4)], out_channels=width, num_outs=4),
    rpn_head=dict(
        type='mmseg_plugins.LevelRPNHead',
        box_mode='inclusive',
        in_channels=width,
        feat_channels=width,
        anchor_generator=dict(type='mmseg_plugins.RoundedAnchorGenerator', scales=[4], strides=[4, 8, 16, 32]),
        bbox_coder=dict(type='mmseg_plugins.InclusiveDeltaXYWHBBoxCoder'),
        loss_bbox=dict(_delete_=True, type='SmoothL1Loss', beta=1 / 9, loss_weight=1.0)),
    roi_head=dict(
        _delete_=True,
        type='mmseg_plugins.FCISHead',
        in_levels=[0],
        featmap_strides=[4],
        in_channels=width,
        feat_channels=width,
        num_classes=80,
        loss=dict(type='mmseg_plugins.FCISLoss', mask_weight=10.0)),
    train_cfg=dict(
        rpn=dict(assigner=dict(iou_calculator=inclusive_iou), sampler=dict(num=128)),
        rpn_proposal=dict(nms_pre=2 * num_proposals, max_per_img=num_proposals),
        rcnn=dict(
            _delete_=True,
            assigner=dict(
                type='MaxIoUAssigner',
                pos_iou_thr=0.5,
                neg_iou_thr=0.5,
                min_pos_iou=0.5,
                match_low_quality=False,
                iou_calculator=inclusive_iou),
            sampler=dict(type='mmseg_plugins.JointLossOHEMSampler', num=num_rois),
            mask_thr=0.4)),
    test_cfg=dict(
        rpn=dict(nms_pre=200, max_per_img=100),
        rcnn=dict(
            _delete_=True,
            score_thr=1e-3,
            max_per_img=100,
            nms_iou=0.3,
            merge_iou=0.5,
            mask_thr_binary=0.4,
            drop_flat=True,  # detections without a voted mask, as the original's GPU code
            min_bbox_size=2)))
