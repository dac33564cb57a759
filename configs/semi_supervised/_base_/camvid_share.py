# A share of CamVid's 367 training labels: the first int(share * 367) images of a shuffle with seed 0, so that a smaller
# share is a part of a larger one.  Random crops of 160 x 160; whole images of 360 x 480 in validation.
# How to get the data: configs/_base_/datasets/camvid.py.
# A config that learns from the other images, too, writes datasets=[{{_base_.labeled}}, {{_base_.unlabeled}}].
data_root = 'data/camvid/'
crop_size = (160, 160)
dataset = dict(type='mmseg_plugins.CamVidDataset', data_root=data_root, img_suffix='.jpg')
augment = [
    dict(type='RandomResize', scale=(480, 360), ratio_range=(0.75, 1.5), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
labeled = dict(
    data_prefix=dict(img_path='img_dir/train', seg_map_path='ann_dir/train'),
    pipeline=[dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'), *augment],
    **dataset)
unlabeled = dict(
    data_prefix=dict(img_path='img_dir/train'), pipeline=[dict(type='LoadImageFromFile'), *augment], **dataset)

train_dataloader = dict(
    batch_size=4,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(type='mmseg_plugins.LabelShare', share=1.0, seed=0, datasets=[labeled]))
val_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        data_prefix=dict(img_path='img_dir/val', seg_map_path='ann_dir/val'),
        pipeline=[dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'), dict(type='PackSegInputs')],
        **dataset))
test_dataloader = val_dataloader

val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
