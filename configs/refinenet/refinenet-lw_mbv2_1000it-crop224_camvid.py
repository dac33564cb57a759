# Light-Weight RefineNet, MobileNetV2 (first expansion kept) of half the width and a decoder of 64 channels, on CamVid.
#   python tools/train.py configs/refinenet/refinenet-lw_mbv2_1000it-crop224_camvid.py
# Measured numbers: configs/refinenet/README.md.
_base_ = [
    './_base_/small.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/small_1000it.py',
    '../_base_/runtime/semantic_runtime.py',
]

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmseg_plugins.ExpandedMobileNetV2',
        widen_factor=0.5,
        out_indices=(1, 2, 3, 4, 5, 6)),
    decode_head=dict(
        in_channels=[16, 16, 32, 48, 80, 160],
        map_groups=[1, 1, 2, 2],
        adapt=False,
        dropout_ratio=0.0,
        act_cfg=dict(type='ReLU6')))
