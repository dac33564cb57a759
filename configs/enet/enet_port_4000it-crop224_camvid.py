# ENet as its PyTorch port computes it, on CamVid in the long small budget, from
# scratch, in one stage.
#   python tools/train.py configs/enet/enet_port_4000it-crop224_camvid.py
# Measured numbers: configs/enet/README.md.
_base_ = [
    './_base_/enet.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/scratch_4000it.py',
    '../_base_/runtime/semantic_runtime.py',
]

variant = 'port'
model = dict(
    data_preprocessor=dict(size={{_base_.crop_size}}),
    backbone=dict(net=dict(variant=variant)),
    decode_head=dict(variant=variant))
