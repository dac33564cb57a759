# Generated shapes with stuff, 128 x 128, no download:
#   mmseg-plugins convert-data shapes --out-dir data/shapes
# Read and evaluated by this project's steps: the host's want panopticapi, which
# no package index serves.  data_root moves everything (--cfg-options data_root=...).
_base_ = ['mmdet::_base_/datasets/coco_panoptic.py']

data_root = 'data/shapes/'
metainfo = dict(
    classes=('circle', 'square', 'triangle', 'star', 'ring', 'grain', 'stripes'),
    thing_classes=('circle', 'square', 'triangle', 'star', 'ring'),
    stuff_classes=('grain', 'stripes'),
    palette=[(220, 60, 60), (60, 160, 60), (60, 90, 220), (230, 180, 40), (170, 60, 200), (120, 110, 100),
             (90, 160, 170)])

load_panoptic = dict(type='mmseg_plugins.LoadPanopticAnnotations')
train_pipeline = [
    dict(type='LoadImageFromFile'),
    load_panoptic,
    dict(type='RandomFlip', prob=0.5, direction=['horizontal', 'vertical']),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale_factor=1.0, keep_ratio=True),
    load_panoptic,
    dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')),
]

train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    sampler=dict(_delete_=True, type='InfiniteSampler', shuffle=True),
    batch_sampler=None,
    dataset=dict(
        data_root=data_root,
        ann_file='annotations/panoptic_train.json',
        data_prefix=dict(img='train/', seg='panoptic_train/'),
        metainfo=metainfo,
        filter_cfg=dict(filter_empty_gt=False),
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=8,
    num_workers=1,
    dataset=dict(
        data_root=data_root,
        ann_file='annotations/panoptic_val.json',
        data_prefix=dict(img='val/', seg='panoptic_val/'),
        metainfo=metainfo,
        pipeline=test_pipeline))
test_dataloader = val_dataloader

val_evaluator = [
    dict(
        type='mmseg_plugins.PanopticQualityMetric',
        ann_file=data_root + 'annotations/panoptic_val.json',
        seg_prefix=data_root + 'panoptic_val/'),
    dict(
        type='mmseg_plugins.FastCocoMetric',
        ann_file=data_root + 'annotations/instances_val.json',
        metric=['bbox', 'segm']),
]
test_evaluator = val_evaluator
