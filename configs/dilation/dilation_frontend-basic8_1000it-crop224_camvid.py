# DilatedNet, front-end and context module of 8 layers (the paper's for CamVid) on
# CamVid in the common small budget, trained together from scratch, with padded
# convolutions; the module begins as the identity.
#   python tools/train.py configs/dilation/dilation_frontend-basic8_1000it-crop224_camvid.py
# Measured numbers: configs/dilation/README.md.
_base_ = [
    './_base_/dilation_small.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/small_1000it.py',
    '../_base_/runtime/semantic_runtime.py',
]

model = dict(decode_head=dict(context='basic8'))
