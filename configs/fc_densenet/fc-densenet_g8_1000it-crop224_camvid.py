# FC-DenseNet of growth rate 8 on CamVid in the common small budget, from scratch.
#   python tools/train.py configs/fc_densenet/fc-densenet_g8_1000it-crop224_camvid.py
# Measured numbers: configs/fc_densenet/README.md.
_base_ = [
    './_base_/fc_densenet_small.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/small_1000it.py',
    '../_base_/runtime/semantic_runtime.py',
]
