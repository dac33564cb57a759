# Global convolutional network, ResNet-18 of half the width, kernels of 15 without boundary refinement, on CamVid.
#   python tools/train.py configs/gcn/ablations/gcn_r18-k15-nobr_1000it-crop224_camvid.py
# Measured numbers: configs/gcn/README.md.
_base_ = [
    '../_base_/small.py',
    '../../_base_/datasets/camvid.py',
    '../../_base_/schedules/small_1000it.py',
    '../../_base_/runtime/semantic_runtime.py',
]

model = dict(decode_head=dict(kernel_size=15, boundary_refinement=False))
