# PSPNet with a ResNet-18 of half the width on CamVid, from scratch.
#   python tools/train.py configs/pspnet/pspnet_r18s_1000it-crop224_camvid.py
# Measured numbers: configs/pspnet/README.md.
_base_ = [
    './_base_/r18s_small.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/small_1000it.py',
    '../_base_/runtime/semantic_runtime.py',
]
