# InstanceFCN as in the paper: VGG-16 whose pool4 has stride 1 and whose conv5 is
# dilated (one map of stride 8), 5 x 5 positions, windows of 21 x 21 cells
# (168 px), trained at a random and tested at all of six scales.  Data: the paper's PASCAL VOC 2012 setting, SBD's
# masks of the VOC images (5,623 for training, 5,732 for validation) as COCO JSON files.
_base_ = ['../../_base_/datasets/coco_instance.py', '../../_base_/runtime/default_runtime.py']

# ------------------------------------------------------------------ often changed
data_root = 'data/sbd/'
train_ann_file = 'annotations/instances_train.json'
val_ann_file = 'annotations/instances_val.json'
train_img_prefix = 'img/'
val_img_prefix = 'img/'
positions = 5  # k; the paper's ablation has 3, 5, 7
short_side = 600
pyramid = [1.5**exponent for exponent in range(-4, 2)]  # of short_side, in training and test
base_lr = 0.001  # for 8 images a step
max_iters = 40000
milestones = [32000]

# -------------------------------------------------------------------- model
model = dict(
    type='mmseg_plugins.InstanceFCN',
    data_preprocessor=dict(
        type='DetDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_mask=True,
        pad_size_divisor=8),
    backbone=dict(
        type='mmseg_plugins.VGG',
        depth=16,
        pool_strides=(2, 2, 2, 1, 0),
        dilations=(1, 1, 1, 1, 2),
        out_indices=(4, ),
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://vgg16')),
    mask_head=dict(
        type='mmseg_plugins.InstanceFCNHead',
        in_channels=512,
        strides=[8],
        feat_channels=512,
        positions=positions,
        window_size=21,
        loss=dict(type='mmseg_plugins.InstanceFCNLoss')),
    train_cfg=dict(
        assigner=dict(type='mmseg_plugins.WindowAssigner'),
        sampler=dict(type='mmdet.RandomSampler', num=256, pos_fraction=0.5, add_gt_as_proposals=False)),
    test_cfg=dict(scales=pyramid, nms_pre=2000, mask_thr=0.5, iou_thr=0.8, max_per_img=1000))

# --------------------------------------------------------------------- data
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(
        type='RandomChoiceResize',
        scales=[(100000, int(short_side * factor + 0.5)) for factor in pyramid],
        keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(100000, short_side), keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')),
]
train_dataloader = dict(batch_size=1, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(batch_size=1, dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
recall = dict(type='mmseg_plugins.MaskRecallMetric', metric=['segm', 'bbox'], proposal_nums=(10, 100, 1000))
val_evaluator = recall
test_evaluator = recall

# ----------------------------------------------------------------- schedule
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=8000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='SGD', lr=base_lr, momentum=0.9, weight_decay=5e-4))
param_scheduler = [dict(type='MultiStepLR', by_epoch=False, milestones=milestones, gamma=0.1)]
log_processor = dict(by_epoch=False)
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=8000, save_best='coco/AR@100', rule='greater'),
    logger=dict(interval=50, log_metric_by_epoch=False))
auto_scale_lr = dict(enable=False, base_batch_size=8)
