# DecoupledNet's first stage on generated shapes: which of the five classes an image holds, from 1,000 labels of
# images.
#   python tools/train.py configs/decouplednet/decouplednet_lite0-classifier_500it_shapes.py
# Measured numbers: configs/decouplednet/README.md.
_base_ = ['./_base_/shapes.py', './_base_/lite0_parts.py', './_base_/schedule_500it.py']

model = dict(
    type='mmseg_plugins.MultiLabelClassifier',
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(**_base_.encoder, **_base_.from_imagenet),
    classifier=_base_.classifier)
train_dataloader = dict(batch_size=16)
val_evaluator = [dict(type='mmseg_plugins.MultiLabelMetric'), _base_.val_evaluator]
test_evaluator = val_evaluator
default_hooks = dict(checkpoint=dict(save_best='labels/mAP'))
