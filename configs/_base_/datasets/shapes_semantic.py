# Generated shapes as label maps for mmseg, 128 x 128, no download:
#   mmseg-plugins convert-data shapes --out-dir data/shapes
# data_root moves everything (--cfg-options data_root=...).
data_root = 'data/shapes/'
dataset = dict(
    type='BaseSegDataset',
    data_root=data_root,
    img_suffix='.jpg',
    seg_map_suffix='.png',
    metainfo=dict(
        classes=('circle', 'square', 'triangle', 'star', 'ring', 'grain', 'stripes'),
        palette=[(220, 60, 60), (60, 160, 60), (60, 90, 220), (230, 180, 40), (170, 60, 200), (120, 110, 100),
                 (90, 160, 170)]))
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(128, 128), keep_ratio=True),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]

train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        data_prefix=dict(img_path='train', seg_map_path='semantic_train'), pipeline=train_pipeline, **dataset))
val_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(data_prefix=dict(img_path='val', seg_map_path='semantic_val'), pipeline=test_pipeline, **dataset))
test_dataloader = val_dataloader

val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
