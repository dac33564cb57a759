# Light-Weight RefineNet with ResNet-50 after the authors' training scripts: six
# images a step, three stages of learning rates, batch norm's statistics frozen,
# the decoder's first weights those that PyTorch gives.
_base_ = ['../../_base_/runtime/semantic_runtime.py']

env_cfg = dict(cudnn_benchmark=True)  # images of one size

# ------------------------------------------------------------------ often changed
crop_size = (500, 500)
short_side = 350
stage_iters = 20000  # of each of three stages; on PASCAL VOC

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
        size=crop_size),
    backbone=dict(
        type='ResNet',
        depth=50,
        style='pytorch',
        norm_eval=True,
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50')),
    decode_head=dict(
        type='mmseg_plugins.LightRefineNetHead',
        in_channels=[256, 512, 1024, 2048],
        num_classes=21,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))

# --------------------------------------------------------------------- data
recipe_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='RandomResize', scale=(100000, short_side), ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='PackSegInputs'),
]

# ----------------------------------------------------------------- schedule
# Decoder 5e-3, 2.5e-3, 1e-3; encoder a tenth of it.
train_cfg = dict(type='IterBasedTrainLoop', max_iters=3 * stage_iters, val_interval=2000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=5e-3, momentum=0.9, weight_decay=1e-5),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.1))))
param_scheduler = [
    dict(type='MultiStepLR', by_epoch=False, milestones=[stage_iters], gamma=0.5),
    dict(type='MultiStepLR', by_epoch=False, milestones=[2 * stage_iters], gamma=0.4),
]
default_hooks = dict(checkpoint=dict(interval=5000), logger=dict(interval=50))
auto_scale_lr = dict(enable=False, base_batch_size=6)
