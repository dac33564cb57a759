# FCN-16s on CamVid in the common small budget, from scratch: pool4 added.
#   python tools/train.py configs/fcn/fcn16s_vgg16s_1000it-crop224_camvid.py
# Measured numbers: configs/fcn/README.md.
_base_ = [
    './_base_/fcn_small.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/small_1000it.py',
    '../_base_/runtime/semantic_runtime.py',
]

model = dict(decode_head=dict(in_channels=[128, 256, 3]))
