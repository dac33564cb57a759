# DilatedNet as published, on CamVid: unpadded VGG-16, crops of 628 px out of images
# with a mirrored margin of 186 px (256 px of each crop are labeled, every eighth),
# 14 a step, SGD with momentum .9, biases at twice the rate and without decay.  The
# context stage has whole images instead of crops.  Stages are leaves of this file.  628 px is the
# paper's crop as recalled (the released code's default is 500); the numbers of steps
# are ours.
_base_ = ['../../_base_/datasets/camvid.py', '../../_base_/runtime/semantic_runtime.py']

env_cfg = dict(cudnn_benchmark=True)  # images of one size

# ------------------------------------------------------------------ often changed
max_iters = 20000
base_lr = 1e-4
batch_size = 14

# -------------------------------------------------------------------- model
# The released code's input, for the configs called caffe: BGR in 0..255 minus CamVid's mean.
caffe_pixels = dict(mean=[110.70, 108.78, 105.41], std=[1.0, 1.0, 1.0], bgr_to_rgb=False)
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        size=(628, 628),
        pad_val=0,
        seg_pad_val=255),
    backbone=dict(
        type='mmseg_plugins.MirrorMargin',
        margin=186,
        divisor=8,
        net=dict(
            type='mmseg_plugins.VGG',
            depth=16,
            padding='valid',
            pool_strides=(2, 2, 2, 0, 0),
            dilations=(1, 1, 1, 1, 2),
            ceil_mode=True,
            out_indices=(4, ))),
    decode_head=dict(
        type='mmseg_plugins.DilationHead',
        in_channels=512,
        in_index=0,
        num_classes=11,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))

# --------------------------------------------------------------------- data
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmseg_plugins.MirrorPad', margin=186),
    dict(type='RandomCrop', crop_size=(628, 628)),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(batch_size=batch_size, num_workers=4, dataset=dict(pipeline=train_pipeline))

# ----------------------------------------------------------------- schedule
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=1000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=base_lr, momentum=0.9, weight_decay=5e-4),
    paramwise_cfg=dict(bias_lr_mult=2.0, bias_decay_mult=0.0))
param_scheduler = [dict(type='MultiStepLR', by_epoch=False, milestones=[100000], gamma=0.1)]
default_hooks = dict(checkpoint=dict(interval=1000))
