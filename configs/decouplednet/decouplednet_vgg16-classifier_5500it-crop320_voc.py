# DecoupledNet on PASCAL VOC, stage 1: which of the 20 classes an image holds; 5,500 steps of 64 crops, 8 at a time.
#   mmseg-plugins convert-weights vgg16-fcn VGG16.pth checkpoints/vgg16_caffe.pth
#   python tools/train.py configs/decouplednet/decouplednet_vgg16-classifier_5500it-crop320_voc.py
# The original's settings of this stage are not released; rate and steps are decided here.  Not yet measured here.
_base_ = './_base_/voc.py'

# ------------------------------------------------------------------ often changed
at_once = 8
accumulated = 8  # 64 crops a step
steps = 5500
base_lr = 1e-3

from_vgg16 = dict(init_cfg=dict(type='Pretrained', checkpoint=_base_.vgg16))
model = dict(
    type='mmseg_plugins.MultiLabelClassifier',
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(**_base_.encoder, **from_vgg16),
    classifier=dict(**_base_.classifier, **from_vgg16))
train_dataloader = dict(
    batch_size=at_once, dataset=dict(pipeline=[*_base_.load, *_base_.cut, dict(type='PackSegInputs')]))
val_dataloader = dict(
    dataset=dict(
        pipeline=[
            _base_.load[0],
            dict(type='Pad', pad_to_square=True),
            dict(type='Resize', scale=(_base_.side, _base_.side), keep_ratio=False),
            _base_.load[1],
            dict(type='PackSegInputs'),
        ]))
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type='mmseg_plugins.MultiLabelMetric')
test_evaluator = val_evaluator

optim_wrapper = dict(
    type='OptimWrapper',
    accumulative_counts=accumulated,
    optimizer=dict(type='SGD', lr=base_lr, momentum=0.9, weight_decay=5e-4),
    paramwise_cfg=dict(bias_lr_mult=2.0, bias_decay_mult=0.0, custom_keys={'classifier.score': dict(lr_mult=10.0)}))
param_scheduler = [
    dict(type='MultiStepLR', by_epoch=False, milestones=[steps * accumulated * 3 // 4], gamma=0.1)
]
train_cfg = dict(max_iters=steps * accumulated, val_interval=500 * accumulated)
default_hooks = dict(checkpoint=dict(interval=500 * accumulated, save_best='labels/mAP'))
