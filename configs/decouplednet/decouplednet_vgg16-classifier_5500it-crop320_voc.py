# DecoupledNet on PASCAL VOC, stage 1: which of the 20 classes an image holds; 5,500 steps of 64 crops, 8 at a time.
#   mmseg-plugins convert-weights vgg16-fcn VGG16.pth checkpoints/vgg16_caffe.pth
#   python tools/train.py configs/decouplednet/decouplednet_vgg16-classifier_5500it-crop320_voc.py
# The original's settings of this stage are not released; rate and steps are decided here.  Not yet measured here.
_base_ = ['../_base_/datasets/voc12aug_semantic.py', '../_base_/runtime/semantic_runtime.py']

env_cfg = dict(cudnn_benchmark=True)  # images of one size

# ------------------------------------------------------------------ often changed
vgg16 = 'checkpoints/vgg16_caffe.pth'
at_once = 8
accumulated = 8  # 64 crops a step
steps = 5500
base_lr = 1e-3
side = 320

from_vgg16 = dict(type='Pretrained', checkpoint=vgg16)
model = dict(
    type='mmseg_plugins.MultiLabelClassifier',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[104.008, 116.669, 122.675],
        std=[1.0, 1.0, 1.0],
        pad_val=0,
        seg_pad_val=255,
        size=(side, side)),
    backbone=dict(type='mmseg_plugins.SegNetEncoder', with_norm=False, ceil_mode=False, init_cfg=from_vgg16),
    classifier=dict(type='mmseg_plugins.MultiLabelHead', num_classes=21, init_cfg=from_vgg16))

load, annotations = dict(type='LoadImageFromFile'), dict(type='LoadAnnotations')
cut = [dict(type='Resize', scale=(350, 350), keep_ratio=False), dict(type='RandomCrop', crop_size=(side, side))]
square = [dict(type='Pad', pad_to_square=True), dict(type='Resize', scale=(side, side), keep_ratio=False)]
flip, pack = dict(type='RandomFlip', prob=0.5), dict(type='PackSegInputs')
train_dataloader = dict(batch_size=at_once, dataset=dict(pipeline=[load, annotations, *cut, flip, pack]))
val_dataloader = dict(dataset=dict(pipeline=[load, *square, annotations, pack]))
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
train_cfg = dict(type='IterBasedTrainLoop', max_iters=steps * accumulated, val_interval=500 * accumulated)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
default_hooks = dict(checkpoint=dict(interval=500 * accumulated, save_best='labels/mAP'))
