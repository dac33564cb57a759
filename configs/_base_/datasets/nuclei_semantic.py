# Cell nuclei of the 2018 Data Science Bowl (stage 1, CC0) as two classes for
# mmseg, background and nucleus, with U-Net's border weight map:
#   mmseg-plugins convert-data dsb2018 stage1_train --out-dir data/nuclei
# Crops of 256 x 256 in training, whole images in validation.
# data_root moves everything (--cfg-options data_root=...).
data_root = 'data/nuclei/'
crop_size = (256, 256)
num_classes = 2
dataset = dict(
    type='mmseg_plugins.CocoSemanticDataset',
    data_root=data_root,
    metainfo=dict(classes=('nucleus', ), palette=[(90, 200, 255)]))
load = [
    dict(type='LoadImageFromFile'),
    dict(type='mmdet.LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='mmseg_plugins.InstancesToSegMap'),
]
train_pipeline = [
    *load,
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.75, direction=['horizontal', 'vertical', 'diagonal']),
    dict(type='mmseg_plugins.BorderWeightMap', w0=10.0, sigma=5.0),
    dict(type='mmseg_plugins.PackWeightedSegInputs'),
]
test_pipeline = [*load, dict(type='PackSegInputs')]

train_dataloader = dict(
    batch_size=4,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        ann_file='annotations/instances_train.json', data_prefix=dict(img='train/'),
        filter_cfg=dict(filter_empty_gt=False), pipeline=train_pipeline, **dataset))
val_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        ann_file='annotations/instances_val.json', data_prefix=dict(img='val/'), test_mode=True,
        pipeline=test_pipeline, **dataset))
test_dataloader = val_dataloader

val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
