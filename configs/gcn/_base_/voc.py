# The global convolutional network with ResNet-152 on PASCAL VOC 2012, 512 px:
# one image a step, momentum .99, decay 5e-4 and flips as in the paper.
_base_ = ['../../_base_/runtime/semantic_runtime.py', '../../_base_/datasets/voc12aug_semantic.py']

env_cfg = dict(cudnn_benchmark=True)  # images of one size

# ------------------------------------------------------------------ often changed
crop_size = (512, 512)  # VOC's images are at most 500 px: all of each, padded
max_iters = 317460  # 30 times 10,582 images
base_lr = 1e-4  # not published; see the README

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
        size=crop_size,
        test_cfg=dict(size=crop_size)),
    backbone=dict(
        type='mmseg_plugins.WithImage',
        net=dict(
            type='mmseg.ResNet',
            depth=152,
            style='pytorch',
            norm_eval=True,
            init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet152'))),
    decode_head=dict(
        type='mmseg_plugins.GlobalConvHead',
        in_channels=[256, 512, 1024, 2048, 3],
        num_classes=21,
        kernel_size=15,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))

# --------------------------------------------------------------------- data
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

# ----------------------------------------------------------------- schedule
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=10582)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=base_lr, momentum=0.99, weight_decay=5e-4),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.1))))
param_scheduler = [dict(type='PolyLR', by_epoch=False, power=0.9, eta_min=0.0, begin=0, end=max_iters)]
default_hooks = dict(checkpoint=dict(interval=5000), logger=dict(interval=50))
auto_scale_lr = dict(enable=False, base_batch_size=1)
