# SegNet on CamVid in the common small budget, from scratch.
#   python tools/train.py configs/segnet/segnet_vgg16s_1000it-crop224_camvid.py
# Measured numbers: configs/segnet/README.md.
_base_ = [
    './_base_/segnet_small.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/small_1000it.py',
    '../_base_/runtime/semantic_runtime.py',
]
