# EVA-02-L in Cascade Mask R-CNN on COCO, squares of 1536 px, windows of 32 tokens.
# Original, COCO val: box AP 62.3, mask AP 53.8.
#   tools/dist_train.sh configs/eva02/cascade-mask-rcnn_eva02-l-sfp_1536-60k_coco.py 8
# Not yet measured here.
_base_ = './_base_/coco.py'

image_size = 1536
model = dict(
    data_preprocessor=dict(pad_size_divisor=image_size),
    backbone=dict(
        arch='l',
        window_size=32,
        global_blocks=(2, 5, 8, 11, 14, 17, 20, 23),
        drop_path_rate=0.4,
        with_cp=True,
        init_cfg=dict(checkpoint='checkpoints/eva02_l_det.pth')),
    neck=dict(in_channels=1024),
    test_cfg=dict(rcnn=dict(score_thr=0.0, nms=dict(type='soft_nms', iou_threshold=0.6, method='linear'))))

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='RandomResize', scale=(image_size, image_size), ratio_range=(0.1, 2.0), keep_ratio=True),
    dict(type='RandomCrop', crop_size=(image_size, image_size), recompute_bbox=True, allow_negative_crop=True),
    dict(type='FilterAnnotations', min_gt_bbox_wh=(1e-2, 1e-2)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(image_size, image_size), keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
optim_wrapper = dict(paramwise_cfg=dict(decay_rate=0.8))
