# Global convolutional network, ResNet-18 of half the width, kernels of 7, on CamVid.
#   python tools/train.py configs/gcn/ablations/gcn_r18-k7_1000it-crop224_camvid.py
# Measured numbers: configs/gcn/README.md.
_base_ = [
    '../_base_/small.py',
    '../../_base_/datasets/camvid.py',
    '../../_base_/schedules/small_1000it.py',
    '../../_base_/runtime/semantic_runtime.py',
]
