# DecoupledNet's first stage on generated shapes: which of the five classes an image holds, from 1,000 labels of images.
#   python tools/train.py configs/decouplednet/decouplednet_vgg16s-classifier_800it_shapes.py
# Not yet measured here.
_base_ = './_base_/shapes.py'

model = dict(
    type='mmseg_plugins.MultiLabelClassifier',
    data_preprocessor=_base_.data_preprocessor,
    backbone=_base_.encoder,
    classifier=_base_.classifier)
train_dataloader = dict(batch_size=16)
val_evaluator = [dict(type='mmseg_plugins.MultiLabelMetric'), _base_.val_evaluator]
test_evaluator = val_evaluator
default_hooks = dict(checkpoint=dict(interval=400, save_best='labels/mAP'))

max_iters = 800
train_cfg = dict(max_iters=max_iters, val_interval=400)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=max_iters, T_max=max_iters - 50, eta_min=0.0)
]
