# DecoupledNet on generated shapes with 25 masks for each class: the published network in small, after its first stage.
#   python tools/train.py configs/decouplednet/decouplednet_vgg16s-25masks_1000it_shapes.py
# Not yet measured here.
_base_ = ['./_base_/shapes.py', './_base_/vgg16s_parts.py', '../_base_/schedules/small_1000it.py']

load_from = 'work_dirs/decouplednet_vgg16s-classifier_1000it_shapes/iter_1000.pth'

one, two, three, four = _base_.channels
model = dict(
    type='mmseg_plugins.DecoupledNet',
    data_preprocessor=_base_.data_preprocessor,
    backbone=_base_.encoder,
    classifier=_base_.classifier,
    decode_head=dict(
        type='mmseg_plugins.DecoupledNetHead',
        in_channels=[four, four, *_base_.channels, 3],
        in_index=[3, 8, 4, 5, 6, 7, 9],
        fc_channels=_base_.fc_channels,
        fc_kernel=_base_.fc_kernel,
        widths=((four, three), (three, two), (two, one), (one, one)),
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)),
    test_cfg=dict(mode='whole'))
train_dataloader = dict(
    dataset=dict(
        ann_file='few/25.json',
        pipeline=[
            *_base_.load, _base_.flip,
            dict(type='mmseg_plugins.ClassSubset'),
            dict(type='mmseg_plugins.PackClassLabels')
        ]))
custom_hooks = [
    dict(
        type='mmseg_plugins.LoadFromCheckHook',
        made_by='python tools/train.py configs/decouplednet/decouplednet_vgg16s-classifier_1000it_shapes.py',
        new=[r'decode_head\..*'])
]
