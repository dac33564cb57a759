# DilatedNet's front-end on CamVid in the common small budget, from scratch, with
# padded convolutions.
#   python tools/train.py configs/dilation/dilation_frontend_1000it-crop224_camvid.py
# Measured numbers: configs/dilation/README.md.
_base_ = [
    './_base_/dilation_small.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/small_1000it.py',
    '../_base_/runtime/semantic_runtime.py',
]
