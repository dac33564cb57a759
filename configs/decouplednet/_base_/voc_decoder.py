# DecoupledNet on PASCAL VOC, stage 2 as published: the decoder; 64 windows a step, 4 at a time (which is what its batch
# norms see).  On 8 GPUs: --cfg-options accumulated=2.  BGR minus the mean, windows resized to 350 x 350, of which
# 320 x 320 are cut and mirrored.
_base_ = ['../../_base_/datasets/voc12aug_semantic.py', '../../_base_/runtime/semantic_runtime.py']

env_cfg = dict(cudnn_benchmark=True)  # images of one size

# ------------------------------------------------------------------ often changed
load_from = 'work_dirs/decouplednet_vgg16-classifier_5500it-crop320_voc/iter_44000.pth'
at_once = 4
accumulated = 16
steps = 17500
rate_falls_at = [10000]  # steps
num_classes = 21
side = 320

# -------------------------------------------------------------------- model
model = dict(
    type='mmseg_plugins.DecoupledNet',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[104.008, 116.669, 122.675],
        std=[1.0, 1.0, 1.0],
        pad_val=0,
        seg_pad_val=255,
        size=(side, side)),
    backbone=dict(type='mmseg_plugins.SegNetEncoder', with_norm=False, ceil_mode=False),
    classifier=dict(type='mmseg_plugins.MultiLabelHead', num_classes=num_classes),
    decode_head=dict(
        type='mmseg_plugins.DecoupledNetHead',
        norm_cfg=dict(type='BN', eps=1e-9),
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)),
    test_cfg=dict(mode='whole', side=side, threshold=0.5))

# --------------------------------------------------------------------- data
train_dataloader = dict(
    batch_size=at_once,
    dataset=dict(
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations'),
            dict(type='mmseg_plugins.CropAroundObject', margin=1.2, background=(0, ), min_iou=0.5),
            dict(type='Resize', scale=(350, 350), keep_ratio=False),
            dict(type='RandomCrop', crop_size=(side, side)),
            dict(type='RandomFlip', prob=0.5),
            dict(type='mmseg_plugins.ClassSubset'),
            dict(type='mmseg_plugins.PackClassLabels'),
        ]))

# ----------------------------------------------------------------- schedule
optim_wrapper = dict(
    type='OptimWrapper',
    accumulative_counts=accumulated,
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=5e-4),
    paramwise_cfg=dict(bias_lr_mult=2.0, bias_decay_mult=0.0, norm_decay_mult=1.0))
param_scheduler = [
    dict(type='MultiStepLR', by_epoch=False, milestones=[step * accumulated for step in rate_falls_at], gamma=0.1)
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=steps * accumulated, val_interval=2500 * accumulated)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
custom_hooks = [
    dict(type='mmseg_plugins.PreciseBNHook', num_batches=101),
    dict(
        type='mmseg_plugins.LoadFromCheckHook',
        made_by='python tools/train.py configs/decouplednet/decouplednet_vgg16-classifier_5500it-crop320_voc.py',
        new=[r'decode_head\..*'])
]
default_hooks = dict(checkpoint=dict(interval=2500 * accumulated))
