# COCO, small images: one of six short sides, 352 to 512; test 512 (the light variants).
_base_ = ['mmdet::_base_/datasets/coco_instance.py']

# ------------------------------------------------------------------ often changed
data_root = 'data/coco/'
train_ann_file = 'annotations/instances_train2017.json'
val_ann_file = 'annotations/instances_val2017.json'
train_img_prefix = 'train2017/'
val_img_prefix = 'val2017/'
classes = None  # None: read from the training JSON, in its order
train_scales = [(852, short) for short in (512, 480, 448, 416, 384, 352)]
test_scale = (852, 512)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='RandomChoiceResize', scales=train_scales, keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=test_scale, keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

val_evaluator = dict(type='mmseg_plugins.FastCocoMetric')
test_evaluator = val_evaluator
