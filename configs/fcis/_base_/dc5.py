# FCIS on a dilated ResNet as released (msracver/FCIS@309f6c9): the RPN reads
# conv4, the head conv5, both of stride 16.  No neck, no layer after an RoI.
_base_ = ['mmdet::_base_/models/faster-rcnn_r50-caffe-dc5.py']

# ------------------------------------------------------------------ often changed
# A caffe-style ResNet (stride on the first convolution of a bottleneck) with
# mmdet's keys, made from Detectron's R-101.pkl, its first convolution turned round for RGB:
#   mmseg-plugins convert-weights resnet101-caffe-rgb R-101.pkl checkpoints/resnet101_caffe_rgb.pth
# The *-torchvision configs need no such file.
backbone_checkpoint = 'checkpoints/resnet101_caffe_rgb.pth'
anchor_scales = [4, 8, 16, 32]  # 64 .. 512 px

# -------------------------------------------------------------------- model
inclusive_iou = dict(type='mmseg_plugins.InclusiveOverlaps')  # widths x2 - x1 + 1
proposals = dict(
    nms_pre=6000,
    max_per_img=300,
    nms=dict(type='nms', iou_threshold=0.7, offset=1),
    min_bbox_size=1)  # x2 - x1 > 1: about the original's x2 - x1 + 1 >= 2
model = dict(
    # The original's R, G, B means.
    data_preprocessor=dict(
        mean=[123.15, 115.90, 103.06], std=[1.0, 1.0, 1.0], bgr_to_rgb=True, pad_mask=True, pad_size_divisor=1),
    backbone=dict(
        type='mmseg_plugins.CeilPoolResNet',
        depth=101,
        out_indices=(2, 3),
        init_cfg=dict(type='Pretrained', checkpoint=backbone_checkpoint)),
    rpn_head=dict(
        type='mmseg_plugins.LevelRPNHead',
        box_mode='inclusive',
        in_levels=[0],
        in_channels=1024,
        feat_channels=512,
        anchor_generator=dict(type='mmseg_plugins.RoundedAnchorGenerator', scales=anchor_scales),
        bbox_coder=dict(type='mmseg_plugins.InclusiveDeltaXYWHBBoxCoder'),
        loss_bbox=dict(_delete_=True, type='SmoothL1Loss', beta=1 / 9, loss_weight=1.0)),
    roi_head=dict(
        _delete_=True,
        type='mmseg_plugins.FCISHead',
        in_levels=[1],
        featmap_strides=[16],
        in_channels=2048,
        feat_channels=1024,
        num_classes=80,
        loss=dict(type='mmseg_plugins.FCISLoss', mask_weight=10.0)),
    train_cfg=dict(
        # Every object gets its best anchor, which keeps the box of the object that it overlaps most; one that no
        # anchor touches gets none.
        rpn=dict(
            assigner=dict(
                _delete_=True,
                type='mmseg_plugins.OwnObjectAssigner',
                pos_iou_thr=0.7,
                neg_iou_thr=0.3,
                min_pos_iou=0.01,
                match_low_quality=True,
                ignore_iof_thr=-1,
                iou_calculator=inclusive_iou)),
        rpn_proposal=proposals,
        rcnn=dict(
            _delete_=True,
            assigner=dict(
                type='MaxIoUAssigner',
                pos_iou_thr=0.5,
                neg_iou_thr=0.5,
                min_pos_iou=0.5,
                match_low_quality=False,
                iou_calculator=inclusive_iou),
            sampler=dict(type='mmseg_plugins.JointLossOHEMSampler', num=128),
            mask_thr=0.4)),
    test_cfg=dict(
        rpn=proposals,
        rcnn=dict(
            _delete_=True,
            score_thr=1e-3,
            max_per_img=100,
            nms_iou=0.3,
            merge_iou=0.5,
            mask_thr_binary=0.4,
            drop_flat=True,  # as the original's GPU mask voting, which its numbers come from
            min_bbox_size=2)))
