# ENet as its PyTorch port computes and trains it on CamVid: in one stage, images
# between 0 and 1.  What mmseg-plugins convert-weights enet-davidtvs converts to.
# The port's README: CamVid test, mIoU 52.1.
#   python tools/train.py configs/enet/enet_port_300e_camvid.py
# Not yet measured here.
_base_ = ['./_base_/enet.py', './_base_/recipe_300e.py']

variant = 'port'
model = dict(
    data_preprocessor=dict(mean=[0.0, 0.0, 0.0], std=[255.0, 255.0, 255.0]),
    backbone=dict(net=dict(variant=variant)),
    decode_head=dict(variant=variant))
