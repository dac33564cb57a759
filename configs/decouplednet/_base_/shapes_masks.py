# Masks alone on generated shapes: SegNet with the encoder's and the decoder's widths of DecoupledNet, from scratch.
_base_ = './shapes.py'

model = dict(
    type='EncoderDecoder',
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(type='mmseg_plugins.WithImage', net=_base_.encoder),
    decode_head=dict(
        type='mmseg_plugins.SegNetHead',
        in_channels=[_base_.four, *_base_.channels, 3],
        in_index=[3, 4, 5, 6, 7, 8],
        widths=_base_.widths,
        num_classes=_base_.num_classes,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)),
    test_cfg=dict(mode='whole'))
