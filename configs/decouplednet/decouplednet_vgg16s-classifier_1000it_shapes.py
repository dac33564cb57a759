# DecoupledNet's first stage on generated shapes, the published network in small: which classes an image holds.
#   python tools/train.py configs/decouplednet/decouplednet_vgg16s-classifier_1000it_shapes.py
# Not yet measured here.
_base_ = ['./_base_/shapes.py', './_base_/vgg16s_parts.py', '../_base_/schedules/small_1000it.py']

model = dict(
    type='mmseg_plugins.MultiLabelClassifier',
    data_preprocessor=_base_.data_preprocessor,
    backbone=_base_.encoder,
    classifier=_base_.classifier)
train_dataloader = dict(batch_size=16)
val_evaluator = [dict(type='mmseg_plugins.MultiLabelMetric'), _base_.val_evaluator]
test_evaluator = val_evaluator
default_hooks = dict(checkpoint=dict(save_best='labels/mAP'))
