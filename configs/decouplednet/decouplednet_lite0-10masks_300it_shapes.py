# DecoupledNet on generated shapes with 10 masks for each class, after the first stage; mmseg's FCNHead as the decoder.
#   python tools/train.py configs/decouplednet/decouplednet_lite0-10masks_300it_shapes.py
# Measured numbers: configs/decouplednet/README.md.
_base_ = ['./_base_/shapes.py', './_base_/lite0_parts.py', './_base_/schedule_300it.py']

load_from = 'work_dirs/decouplednet_lite0-classifier_500it_shapes/iter_500.pth'

model = dict(
    type='mmseg_plugins.DecoupledNet',
    data_preprocessor=_base_.data_preprocessor,
    backbone=_base_.encoder,
    classifier=_base_.classifier,
    **_base_.bridge,
    decode_head=dict(in_channels=[24, 40, 112, 112], in_index=[0, 1, 2, 3], num_classes=2, **_base_.decoder),
    test_cfg=dict(mode='whole'))
train_dataloader = dict(
    dataset=dict(
        ann_file='few/10.json',
        pipeline=[
            *_base_.load, _base_.flip,
            dict(type='mmseg_plugins.ClassSubset'),
            dict(type='mmseg_plugins.PackClassLabels')
        ]))
custom_hooks = [
    *_base_.custom_hooks,
    dict(
        type='mmseg_plugins.LoadFromCheckHook',
        made_by='python tools/train.py configs/decouplednet/decouplednet_lite0-classifier_500it_shapes.py',
        new=[r'decode_head\..*', r'bridge_norm\..*'])
]
