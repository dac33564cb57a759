# RefineNet, ResNet-18 of half the width and a decoder of 32 channels (64 would cost twice as much), on
# CamVid.
#   python tools/train.py configs/refinenet/refinenet_r18_1000it-crop224_camvid.py
# Measured numbers: configs/refinenet/README.md.
_base_ = [
    './_base_/small.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/small_1000it.py',
    '../_base_/runtime/semantic_runtime.py',
]

model = dict(decode_head=dict(type='mmseg_plugins.RefineNetHead', channels=32, top_channels=64))
