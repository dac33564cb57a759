# Cell nuclei of the 2018 Data Science Bowl (stage 1, CC0) as COCO instances:
#   mmseg-plugins convert-data dsb2018 stage1_train --out-dir data/nuclei
# Images of 256 x 256 up to about 1000 x 1000 pixels, one class, median
# object 17 px wide, up to 375 in an image.  Trained on 256 x 256 crops.
_base_ = ['mmdet::_base_/datasets/coco_instance.py']

data_root = 'data/nuclei/'
train_ann_file = 'annotations/instances_train.json'
val_ann_file = 'annotations/instances_val.json'
train_img_prefix = 'train/'
val_img_prefix = 'val/'
classes = ('nucleus', )

crop_size = (256, 256)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='RandomCrop', crop_size=crop_size, allow_negative_crop=True),
    dict(type='RandomFlip', prob=0.75, direction=['horizontal', 'vertical', 'diagonal']),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale_factor=1.0, keep_ratio=True),  # the heads read scale_factor
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')),
]

train_dataloader = dict(
    batch_size=4,
    num_workers=1,
    sampler=dict(_delete_=True, type='InfiniteSampler', shuffle=True),
    dataset=dict(metainfo=dict(classes=classes), pipeline=train_pipeline, filter_cfg=dict(filter_empty_gt=False)))
val_dataloader = dict(batch_size=1, num_workers=1, dataset=dict(metainfo=dict(classes=classes), pipeline=test_pipeline))
test_dataloader = val_dataloader

val_evaluator = dict(type='mmseg_plugins.FastCocoMetric')
test_evaluator = val_evaluator
