# DecoupledNet's second stage on generated shapes: the decoder, from few masks and the first stage's result.
_base_ = './shapes.py'

# ------------------------------------------------------------------ often changed
load_from = 'work_dirs/decouplednet_vgg16s-classifier_800it_shapes/iter_800.pth'

model = dict(
    type='mmseg_plugins.DecoupledNet',
    data_preprocessor=_base_.data_preprocessor,
    backbone=_base_.encoder,
    classifier=_base_.classifier,
    decode_head=dict(
        type='mmseg_plugins.DecoupledNetHead',
        in_channels=[_base_.four, _base_.four, *_base_.channels, 3],
        in_index=[3, 8, 4, 5, 6, 7, 9],
        fc_channels=_base_.fc_channels,
        fc_kernel=_base_.fc_kernel,
        widths=_base_.widths,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)),
    test_cfg=dict(mode='whole'))
train_dataloader = dict(
    dataset=dict(
        pipeline=[
            *_base_.load, _base_.flip,
            dict(type='mmseg_plugins.ClassSubset'),
            dict(type='mmseg_plugins.PackClassLabels')
        ]))
custom_hooks = [
    dict(
        type='mmseg_plugins.LoadFromCheckHook',
        made_by='python tools/train.py configs/decouplednet/decouplednet_vgg16s-classifier_800it_shapes.py',
        new=[r'decode_head\..*'])
]
