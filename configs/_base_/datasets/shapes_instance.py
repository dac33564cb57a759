# Generated shapes, 128 x 128, no download:
#   mmseg-plugins convert-data shapes --out-dir data/shapes
_base_ = ['mmdet::_base_/datasets/coco_instance.py']

data_root = 'data/shapes/'
train_ann_file = 'annotations/instances_train.json'
val_ann_file = 'annotations/instances_val.json'
train_img_prefix = 'train/'
val_img_prefix = 'val/'
classes = ('circle', 'square', 'triangle', 'star', 'ring')

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='RandomFlip', prob=0.5, direction=['horizontal', 'vertical']),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale_factor=1.0, keep_ratio=True),  # the heads read scale_factor
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')),
]

train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    sampler=dict(_delete_=True, type='InfiniteSampler', shuffle=True),
    dataset=dict(metainfo=dict(classes=classes), pipeline=train_pipeline, filter_cfg=dict(filter_empty_gt=False)))
val_dataloader = dict(batch_size=8, num_workers=1, dataset=dict(metainfo=dict(classes=classes), pipeline=test_pipeline))
test_dataloader = val_dataloader

val_evaluator = dict(type='mmseg_plugins.FastCocoMetric')
test_evaluator = val_evaluator
