# SegNet as its tutorial trains it on CamVid: whole images of 360 x 480, nothing
# augmented, raw BGR pixels of 0 to 255, class weights of median frequency with the sum
# divided by the number of labeled pixels, a constant learning rate, biases twice as
# fast and without decay, batch norm statistics averaged over the training set.
#   https://github.com/alexgkendall/SegNet-Tutorial/tree/bb68b64e72cb004b3ed927fee0f5624dd8097498/Models
_base_ = ['../../_base_/runtime/semantic_runtime.py', '../../_base_/datasets/camvid_full.py']

env_cfg = dict(cudnn_benchmark=True)  # images of one size

# ------------------------------------------------------------------ often changed
vgg16 = 'checkpoints/vgg16_encoder.pth'  # mmseg-plugins convert-weights vgg16-segnet makes it
max_iters = 40000
base_lr = 1e-3
val_interval = 2000
# The published weights.  Those of the 367 maps as they are now: configs/segnet/README.md.
class_weight = [0.2595, 0.1826, 4.5640, 0.1417, 0.9051, 0.3826, 9.6446, 1.8418, 0.6823, 6.2478, 7.3614]

# -------------------------------------------------------------------- model
norm_cfg = dict(type='BN', eps=1e-9)
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(type='SegDataPreProcessor', pad_val=0, seg_pad_val=255, size_divisor=1),
    backbone=dict(
        type='mmseg_plugins.WithImage',
        net=dict(
            type='mmseg_plugins.SegNetEncoder',
            norm_cfg=norm_cfg,
            init_cfg=[
                dict(type='Kaiming', layer='Conv2d', mode='fan_in'),
                dict(type='Constant', layer='_BatchNorm', val=1.0, bias=0.001),
                dict(type='Pretrained', checkpoint=vgg16),
            ])),
    decode_head=dict(
        type='mmseg_plugins.SegNetHead',
        num_classes=11,
        norm_cfg=norm_cfg,
        loss_decode=dict(
            type='mmseg_plugins.WeightedCrossEntropyLoss', class_weight=class_weight, normalizer='valid')),
    test_cfg=dict(mode='whole'))

# --------------------------------------------------------------------- data
train_dataloader = dict(batch_size=4, num_workers=2)

# ----------------------------------------------------------------- schedule
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=val_interval)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=base_lr, momentum=0.9, weight_decay=5e-4),
    paramwise_cfg=dict(bias_lr_mult=2.0, bias_decay_mult=0.0))
param_scheduler = []
custom_hooks = [dict(type='mmseg_plugins.PreciseBNHook')]
default_hooks = dict(checkpoint=dict(interval=val_interval))
