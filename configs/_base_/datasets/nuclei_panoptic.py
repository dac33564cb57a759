# Cell nuclei as one thing on one stuff: the objects of nuclei_instance.py, and everything else as background.
#   mmseg-plugins convert-data dsb2018 stage1_train --out-dir data/nuclei
#   mmseg-plugins convert-data panoptic data/nuclei/annotations/instances_train.json --uncovered background --out-dir data/nuclei
#   mmseg-plugins convert-data panoptic data/nuclei/annotations/instances_val.json --uncovered background --out-dir data/nuclei
# data_root moves everything (--cfg-options data_root=...).
_base_ = ['mmdet::_base_/datasets/coco_panoptic.py']

data_root = 'data/nuclei/'
metainfo = dict(
    classes=('nucleus', 'background'),
    thing_classes=('nucleus', ),
    stuff_classes=('background', ),
    palette=[(220, 60, 60), (60, 90, 160)])

crop_size = (256, 256)
load_panoptic = dict(type='mmseg_plugins.LoadPanopticAnnotations')
train_pipeline = [
    dict(type='LoadImageFromFile'),
    load_panoptic,
    dict(type='RandomCrop', crop_size=crop_size, allow_negative_crop=True),
    dict(type='RandomFlip', prob=0.75, direction=['horizontal', 'vertical', 'diagonal']),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale_factor=1.0, keep_ratio=True),
    load_panoptic,
    dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')),
]

train_dataloader = dict(
    batch_size=4,
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
    batch_size=1,
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
    dict(type='mmseg_plugins.SemanticIoUMetric', prefix='semantic'),
    dict(type='mmseg_plugins.ForegroundIoUMetric'),
]
test_evaluator = val_evaluator
