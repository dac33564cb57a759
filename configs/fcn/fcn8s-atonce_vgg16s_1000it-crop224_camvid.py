# FCN-8s "at once" on CamVid in the common small budget, from scratch: the published
# factors, .01 before the scores of pool4 and .0001 before those of pool3.  They suit
# a VGG without batch norm; with it, and with AdamW, they all but switch pool3 off.
#   python tools/train.py configs/fcn/fcn8s-atonce_vgg16s_1000it-crop224_camvid.py
# Measured numbers: configs/fcn/README.md.
_base_ = [
    './_base_/fcn_small.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/small_1000it.py',
    '../_base_/runtime/semantic_runtime.py',
]

model = dict(decode_head=dict(skip_scales=[0.0001, 0.01]))
