# SegNet on CamVid in the long small budget, from scratch.
#   python tools/train.py configs/segnet/segnet_vgg16s_4000it-crop224_camvid.py
# Measured numbers: configs/segnet/README.md.
_base_ = [
    './_base_/segnet_small.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/scratch_4000it.py',
    '../_base_/runtime/semantic_runtime.py',
]
