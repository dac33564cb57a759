# LinkNet as published: ResNet-18 from ImageNet weights, the map after its pooling
# tapped for the last skip.  RMSprop at 5e-4, 8 whole images a step, 300 epochs,
# nothing augmented.  The released Lua code multiplies the rate by 1e-7 at epochs
# 100 and 200, which stops training; its option's help says a tenth, as here.
_base_ = ['../../_base_/runtime/semantic_epochs_runtime.py']

env_cfg = dict(cudnn_benchmark=True)  # images of one size

# ------------------------------------------------------------------ often changed
max_epochs = 300
base_lr = 5e-4  # for 8 images a step
norm_cfg = dict(type='BN', requires_grad=True)  # the Lua network: eps=1e-3, and block_bias=True below

model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size_divisor=32),
    backbone=dict(
        type='mmseg_plugins.TapBackbone',
        taps=['maxpool'],
        net=dict(
            type='mmseg.ResNet',
            depth=18,
            norm_cfg=norm_cfg,
            norm_eval=False,
            init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet18'))),
    decode_head=dict(
        type='mmseg_plugins.LinkNetHead',
        in_channels=[64, 64, 128, 256, 512],
        num_classes=11,
        norm_cfg=norm_cfg,
        block_bias=False,
        loss_decode=dict(type='mmseg_plugins.WeightedCrossEntropyLoss', normalizer='weights')),
    test_cfg=dict(mode='whole'))

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=10)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='RMSprop', lr=base_lr, alpha=0.99))
param_scheduler = [dict(type='MultiStepLR', by_epoch=True, milestones=[100, 200], gamma=0.1)]
default_hooks = dict(logger=dict(interval=50))
auto_scale_lr = dict(enable=False, base_batch_size=8)
