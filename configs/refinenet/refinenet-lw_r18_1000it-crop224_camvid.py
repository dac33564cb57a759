# Light-Weight RefineNet, ResNet-18 of half the width and a decoder of 64 channels, on CamVid.
#   python tools/train.py configs/refinenet/refinenet-lw_r18_1000it-crop224_camvid.py
# Measured numbers: configs/refinenet/README.md.
_base_ = [
    './_base_/small.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/small_1000it.py',
    '../_base_/runtime/semantic_runtime.py',
]
