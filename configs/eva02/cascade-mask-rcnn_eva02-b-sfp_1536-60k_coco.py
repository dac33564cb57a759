# EVA-02-B in Cascade Mask R-CNN on COCO, squares of 1536 px, windows of 32 tokens.
# Original, COCO val: box AP 58.9, mask AP 50.7.
#   tools/dist_train.sh configs/eva02/cascade-mask-rcnn_eva02-b-sfp_1536-60k_coco.py 8
# Not yet measured here.
_base_ = './_base_/coco.py'

image_size = 1536
model = dict(
    data_preprocessor=dict(pad_size_divisor=image_size),
    backbone=dict(window_size=32, global_blocks=(1, 3, 5, 7, 9, 11)),
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
