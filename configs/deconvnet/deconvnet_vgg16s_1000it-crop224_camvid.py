# DeconvNet on CamVid in the common small budget, from scratch.
#   python tools/train.py configs/deconvnet/deconvnet_vgg16s_1000it-crop224_camvid.py
# Measured numbers: configs/deconvnet/README.md.
_base_ = [
    './_base_/deconvnet_small.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/small_1000it.py',
    '../_base_/runtime/semantic_runtime.py',
]
