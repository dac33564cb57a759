# DeepLab v3's cascade with a ResNet-18 of half the width on CamVid, from scratch: output stride 16, blocks 5 to 7.
#   python tools/train.py configs/deeplab/deeplabv3-cascade_r18s_1000it-crop224_camvid.py
# Measured numbers: configs/deeplab/README.md.
_base_ = [
    './_base_/r18s_small.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/small_1000it.py',
    '../_base_/runtime/semantic_runtime.py',
]

model = dict(
    backbone=dict(
        type='mmseg_plugins.CascadeResNet',
        host='mmseg',
        extra_stages=3,
        multi_grid=(1, 2),
        strides=(1, 2, 2, 1),
        dilations=(1, 1, 1, 2),
        out_indices=(6, )),
    decode_head=dict(
        _delete_=True,
        type='FCNHead',
        in_channels=256,
        channels=256,
        num_convs=0,
        concat_input=False,
        dropout_ratio=0,
        num_classes=11,
        align_corners=True,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)))
