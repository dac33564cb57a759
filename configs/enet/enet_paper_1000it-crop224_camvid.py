# ENet as published on CamVid in the common small budget, from scratch, in one stage.
# The whole network, with its class weights.
#   python tools/train.py configs/enet/enet_paper_1000it-crop224_camvid.py
# Measured numbers: configs/enet/README.md.
_base_ = [
    './_base_/enet.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/small_1000it.py',
    '../_base_/runtime/semantic_runtime.py',
]

model = dict(data_preprocessor=dict(size={{_base_.crop_size}}))
