# PSENet as released for CTW1500 (curved text, one class): 7 kernels down to .7,
# 600 epochs of SGD with momentum .99.  The set must be given as COCO JSON files
# with the texts' polygons.
_base_ = [
    '../../_base_/datasets/coco_instance.py',
    '../../_base_/runtime/default_runtime.py',
    'mmdet::_base_/models/mask-rcnn_r50_fpn.py',
]

env_cfg = dict(cudnn_benchmark=True)  # images of one size

# ------------------------------------------------------------------ often changed
data_root = 'data/ctw1500/'
train_ann_file = 'annotations/instances_train.json'
val_ann_file = 'annotations/instances_test.json'
train_img_prefix = 'train/'
val_img_prefix = 'test/'
classes = ('text', )
base_lr = 1e-3  # for 16 images a step
max_epochs = 600
milestones = [200, 400]
smallest = 0.7  # .4 for ICDAR 2015
side = 736  # of the crops, and the short side of test images

# -------------------------------------------------------------------- model
model = dict(
    _delete_=True,
    type='SingleStageInstanceSegmentor',
    data_preprocessor={{_base_.model.data_preprocessor}},
    backbone=dict(
        type='ResNet',
        depth=50,
        frozen_stages=-1,
        norm_eval=False,
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50')),
    neck=dict(type='mmseg_plugins.PSENetFPN', in_channels=[256, 512, 1024, 2048], out_channels=256),
    mask_head=dict(
        type='mmseg_plugins.PSENetHead',
        in_channels=[256] * 4,
        stride=4,
        num_kernels=7,
        feat_channels=256,
        smallest=smallest,
        loss=dict(type='mmseg_plugins.PSENetLoss')),
    test_cfg=dict(min_area=16, min_score=0.85, max_per_img=1000))

# --------------------------------------------------------------------- data
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(
        type='RandomChoiceResize',
        scales=[(100000, int(side * tenths / 10 + 0.5)) for tenths in range(7, 14)],
        keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='Rotate', prob=1.0, max_mag=10.0, img_border_value=0),
    dict(type='RandomCrop', crop_size=(side, side), allow_negative_crop=True),
    dict(type='Brightness', prob=1.0, min_mag=1 - 32 / 255, max_mag=1 + 32 / 255),
    dict(type='Color', prob=1.0, min_mag=0.5, max_mag=1.5),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(100000, side), keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')),
]
train_dataloader = dict(
    batch_size=4,
    dataset=dict(metainfo=dict(classes=classes), pipeline=train_pipeline, filter_cfg=dict(filter_empty_gt=False)))
val_dataloader = dict(dataset=dict(metainfo=dict(classes=classes), pipeline=test_pipeline))
test_dataloader = val_dataloader

# ----------------------------------------------------------------- schedule
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=50)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='SGD', lr=base_lr, momentum=0.99, weight_decay=5e-4))
param_scheduler = [dict(type='MultiStepLR', by_epoch=True, milestones=milestones, gamma=0.1)]
default_hooks = dict(checkpoint=dict(interval=50))
auto_scale_lr = dict(enable=False, base_batch_size=16)
