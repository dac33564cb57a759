# FCN as published, on PASCAL VOC: trained on SBD's training images, tested on the
# 736 images of VOC 2011's val that SBD does not train on (README: the two lists).
# Whole images of their own size, one a step, nothing augmented; the summed loss with
# its tiny fixed learning rates; SGD with momentum .99, biases twice as fast.
_base_ = ['../../_base_/runtime/semantic_runtime.py']

# ------------------------------------------------------------------ often changed
data_root = 'data/VOCdevkit/VOC2012/'
train_list = 'ImageSets/Segmentation/sbd_train.txt'
train_labels = 'SegmentationClassSBD'  # SBD's own maps alone; SegmentationClassAug has VOC's over them
val_list = 'ImageSets/Segmentation/seg11valid.txt'
max_iters = 100000

# -------------------------------------------------------------------- model
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size_divisor=1),
    backbone=dict(type='mmseg_plugins.WithImage', net=dict(type='mmseg_plugins.FCNVGG', depth=16)),
    decode_head=dict(
        type='mmseg_plugins.FCNSkipHead',
        num_classes=21,
        loss_decode=dict(type='mmseg_plugins.WeightedCrossEntropyLoss', normalizer='sum')),
    test_cfg=dict(mode='whole'))

# --------------------------------------------------------------------- data
dataset = dict(type='PascalVOCDataset', data_root=data_root)
pipeline = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'), dict(type='PackSegInputs')]
train_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        ann_file=train_list,
        data_prefix=dict(img_path='JPEGImages', seg_map_path=train_labels),
        pipeline=pipeline,
        **dataset))
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        ann_file=val_list,
        data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
        pipeline=pipeline,
        **dataset))
test_dataloader = val_dataloader
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator

# ----------------------------------------------------------------- schedule
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=4000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=1e-10, momentum=0.99, weight_decay=5e-4),
    paramwise_cfg=dict(bias_lr_mult=2.0, bias_decay_mult=0.0))
param_scheduler = []
default_hooks = dict(checkpoint=dict(interval=4000))
