# DeepLab v2 with a ResNet-18 of 24 .. 192 channels on CamVid, from scratch: one scale, as wide as the one with three.
#   python tools/train.py configs/deeplab/deeplabv2_r18s_1000it-crop224_camvid.py
# Measured numbers: configs/deeplab/README.md.
_base_ = [
    './_base_/r18s_small.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/small_1000it.py',
    '../_base_/runtime/semantic_runtime.py',
]

model = dict(backbone=dict(stem_channels=24, base_channels=24), decode_head=dict(in_channels=192))
