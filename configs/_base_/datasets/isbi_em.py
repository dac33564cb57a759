# ISBI 2012 challenge, neurons in electron microscopy: 30 labeled slices of
# 512 x 512 px (https://imagej.net/events/isbi-2012-segmentation-challenge).
# Layout, one 8-bit PNG a slice, to be made of the two TIFF stacks:
#   data/isbi_em/img_dir/{train,val}/00.png
#   data/isbi_em/ann_dir/{train,val}/00.png    0 = membrane, 1 = cell
# The challenge's test labels are not public; hold some slices out as val.
# Training as in U-Net's paper: deformed, mirrored margins of 92 px around the
# slice, tiles of 572 px whose inner 388 are labeled, the border weight map.
# data_root moves everything (--cfg-options data_root=...).
data_root = 'data/isbi_em/'
crop_size = (572, 572)
num_classes = 2
dataset = dict(
    type='BaseSegDataset',
    data_root=data_root,
    img_suffix='.png',
    seg_map_suffix='.png',
    metainfo=dict(classes=('membrane', 'cell'), palette=[(0, 0, 0), (255, 255, 255)]))
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='mmseg_plugins.ElasticDeformation', grid=3, sd=10.0),
    dict(type='RandomFlip', prob=0.75, direction=['horizontal', 'vertical', 'diagonal']),
    dict(type='PhotoMetricDistortion'),
    dict(type='mmseg_plugins.BorderWeightMap', w0=10.0, sigma=5.0),
    dict(type='mmseg_plugins.MirrorPad', margin=92),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='mmseg_plugins.PackWeightedSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]

train_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        data_prefix=dict(img_path='img_dir/train', seg_map_path='ann_dir/train'), pipeline=train_pipeline, **dataset))
val_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(data_prefix=dict(img_path='img_dir/val', seg_map_path='ann_dir/val'), pipeline=test_pipeline, **dataset))
test_dataloader = val_dataloader

val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
