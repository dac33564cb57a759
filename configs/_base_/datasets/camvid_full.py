# CamVid as the papers train and test on it: whole images of 360 x 480, no augmentation; tools/train.py validates on
# the 101 images of val, tools/test.py tests on the 233 of test.  How to get the data: camvid.py.  A recipe that validates
# on test:
#   val_dataloader = dict(dataset=dict(data_prefix={{_base_.test_split}}))
# data_root moves everything (--cfg-options data_root=...).
data_root = 'data/camvid/'
crop_size = (360, 480)
num_classes = 11
dataset = dict(type='mmseg_plugins.CamVidDataset', data_root=data_root, img_suffix='.jpg')
train_split = dict(img_path='img_dir/train', seg_map_path='ann_dir/train')
val_split = dict(img_path='img_dir/val', seg_map_path='ann_dir/val')
test_split = dict(img_path='img_dir/test', seg_map_path='ann_dir/test')
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]
test_pipeline = train_pipeline

train_dataloader = dict(
    batch_size=4,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(data_prefix=train_split, pipeline=train_pipeline, **dataset))
val_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(data_prefix=val_split, pipeline=test_pipeline, **dataset))
test_dataloader = dict(val_dataloader, dataset=dict(data_prefix=test_split, pipeline=test_pipeline, **dataset))

val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
