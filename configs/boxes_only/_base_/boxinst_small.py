# mmdet's BoxInst for two CPU cores: ResNet-18 of half the width, a pyramid of 64 channels on strides 4 .. 32, short
# heads, masks in cells of 2 px.  From scratch with batch norm, as the small Mask R-CNN.
width = 64  # channels of pyramid and heads
base_channels = 32
mask_cell = 2  # px; a nucleus has 17
pairs_warmup = 500  # of the loss of pairs; the original has 10,000 of 90,000

model = dict(
    type='BoxInst',
    data_preprocessor=dict(
        type='BoxInstDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_size_divisor=32,  # its head adds maps of all strides, which must be multiples of one another
        mask_stride=mask_cell,
        bottom_pixels_removed=0),  # what is wrong at the bottom of COCO's images
    backbone=dict(
        type='ResNet',
        depth=18,
        base_channels=base_channels,
        out_indices=(0, 1, 2, 3),
        norm_cfg=dict(type='BN'),
        init_cfg=None),
    neck=dict(type='FPN', in_channels=[base_channels * 2**i for i in range(4)], out_channels=width, num_outs=4),
    bbox_head=dict(
        type='BoxInstBboxHead',
        num_params=169,  # of three layers of 8 channels
        num_classes=1,
        in_channels=width,
        stacked_convs=2,
        feat_channels=width,
        strides=[4, 8, 16, 32],
        regress_ranges=((-1, 24), (24, 48), (48, 96), (96, 1e8)),
        norm_on_bbox=True,
        centerness_on_reg=True,
        center_sampling=True,
        conv_bias=True,
        loss_cls=dict(type='FocalLoss', use_sigmoid=True, gamma=2.0, alpha=0.25, loss_weight=1.0),
        loss_bbox=dict(type='GIoULoss', loss_weight=1.0),
        loss_centerness=dict(type='CrossEntropyLoss', use_sigmoid=True, loss_weight=1.0)),
    mask_head=dict(
        type='BoxInstMaskHead',
        num_layers=3,
        feat_channels=8,
        size_of_interest=8,
        mask_out_stride=mask_cell,
        topk_masks_per_img=32,
        warmup_iters=pairs_warmup,
        mask_feature_head=dict(
            in_channels=width,
            feat_channels=width,
            start_level=0,
            end_level=2,
            out_channels=8,
            mask_stride=4,
            num_stacked_convs=2,
            norm_cfg=dict(type='BN')),
        loss_mask=dict(type='DiceLoss', use_sigmoid=True, activate=True, eps=5e-6, loss_weight=1.0)),
    test_cfg=dict(
        nms_pre=1000,
        min_bbox_size=0,
        score_thr=0.05,
        nms=dict(type='nms', iou_threshold=0.6),
        max_per_img=200,  # up to 375 nuclei in an image; COCO's AP reads the best 100
        mask_thr=0.5))
