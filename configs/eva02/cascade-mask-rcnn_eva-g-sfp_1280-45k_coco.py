# EVA-g (2022, a billion parameters) in Cascade Mask R-CNN on COCO, squares of 1280 px, windows of 16 tokens, relative
# positions; a batch of 64.  Original, COCO val, from a detector of Objects365: box AP 64.2, mask AP 53.9.
#   tools/dist_train.sh configs/eva02/cascade-mask-rcnn_eva-g-sfp_1280-45k_coco.py 8
# Not yet measured here.
_base_ = './_base_/coco.py'

image_size = 1280
max_iters = 45000
model = dict(
    data_preprocessor=dict(pad_size_divisor=image_size),
    backbone=dict(
        type='mmseg_plugins.EVA',
        arch='g',
        relative_size=image_size,
        global_blocks=tuple(range(3, 40, 4)),
        drop_path_rate=0.6,
        frozen_stages=0,  # the patch embedding
        with_cp=True,
        init_cfg=dict(checkpoint='checkpoints/eva_g_det.pth')),
    neck=dict(in_channels=1408),
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
train_dataloader = dict(batch_size=1, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
train_cfg = dict(max_iters=max_iters)
optim_wrapper = dict(optimizer=dict(lr=2.5e-5), paramwise_cfg=dict(decay_rate=0.9))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=1000),
    dict(type='MultiStepLR', by_epoch=False, begin=0, end=max_iters, milestones=[40000], gamma=0.1),
]
auto_scale_lr = dict(base_batch_size=64)
