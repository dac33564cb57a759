# The same encoder and decoder on generated shapes with 10 masks for each class and nothing else, next to DecoupledNet.
#   python tools/train.py configs/decouplednet/fcn_lite0-10masks_300it_shapes.py
# Measured numbers: configs/decouplednet/README.md.
_base_ = ['./_base_/shapes.py', './_base_/lite0_parts.py', './_base_/schedule_300it.py']

model = dict(
    type='EncoderDecoder',
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(**_base_.encoder, **_base_.from_imagenet),
    decode_head=dict(in_channels=[24, 40, 112], in_index=[0, 1, 2], num_classes=6, **_base_.decoder),
    test_cfg=dict(mode='whole'))
train_dataloader = dict(dataset=dict(ann_file='few/10.json'))
