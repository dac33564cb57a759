# RefineNet with ResNet-101 after the authors' training code: one image a step,
# lr 5e-4 (a tenth of it in the backbone), batch norm's statistics frozen.
_base_ = ['../../_base_/runtime/semantic_runtime.py']

env_cfg = dict(cudnn_benchmark=True)  # images of one size

# ------------------------------------------------------------------ often changed
crop_size = (400, 400)
short_side = 450  # the original's smallest short edge
max_iters = 200000  # 100 of its epochs of at most 2,000 images
lower_lr_at = 140000  # it lowers the rate by hand; its example does so at epoch 70

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
        depth=101,
        style='pytorch',
        norm_eval=True,
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet101')),
    decode_head=dict(
        type='mmseg_plugins.RefineNetHead',
        in_channels=[256, 512, 1024, 2048],
        num_classes=21,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))

# --------------------------------------------------------------------- data
recipe_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='RandomResize', scale=(100000, short_side), ratio_range=(0.7, 1.3), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
# --tta: the authors' five scales, each enlarged by their network's 1.2; the mean of the probabilities.
tta_model = dict(type='mmseg_plugins.MeanTTAModel')
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='Resize', scale_factor=1.2 * scale, keep_ratio=True) for scale in (0.4, 0.6, 0.8, 1.0, 1.2)],
            [dict(type='LoadAnnotations')],
            [dict(type='PackSegInputs')],
        ]),
]

# ----------------------------------------------------------------- schedule
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=10000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=5e-4, momentum=0.9, weight_decay=5e-4),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.1))))
param_scheduler = [dict(type='MultiStepLR', by_epoch=False, milestones=[lower_lr_at], gamma=0.1)]
default_hooks = dict(checkpoint=dict(interval=5000), logger=dict(interval=50))
auto_scale_lr = dict(enable=False, base_batch_size=1)
