# DeconvNet as published, on PASCAL VOC 2012 with SBD's label maps: crops around objects,
# resized to 250 x 250, of which 224 x 224 are cut and mirrored; BGR minus the mean; 64
# crops a step.  Whole images, resized to 224 x 224, in validation.
#   data/VOCdevkit/VOC2012/{JPEGImages,SegmentationClass,SegmentationClassAug,ImageSets/Segmentation}
# SegmentationClassAug holds a label map for each of the 10,582 names of trainaug.txt.
_base_ = ['../../_base_/runtime/semantic_runtime.py']

env_cfg = dict(cudnn_benchmark=True)  # images of one size

# ------------------------------------------------------------------ often changed
data_root = 'data/VOCdevkit/VOC2012/'
vgg16 = 'checkpoints/vgg16_deconvnet.pth'  # mmseg-plugins convert-weights vgg16-deconvnet makes it
side = 224
max_iters = 20000
milestones = [9000, 18000]

# -------------------------------------------------------------------- model
norm_cfg = dict(type='BN', eps=1e-9)
shift = dict(type='Constant', layer='_BatchNorm', val=1.0, bias=0.001)
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[104.008, 116.669, 122.675],
        std=[1.0, 1.0, 1.0],
        pad_val=0,
        seg_pad_val=255,
        size=(side, side)),
    backbone=dict(
        type='mmseg_plugins.DeconvNetEncoder',
        norm_cfg=norm_cfg,
        init_cfg=[
            dict(type='Kaiming', layer='Conv2d', mode='fan_in'), shift,
            dict(type='Pretrained', checkpoint=vgg16)
        ]),
    decode_head=dict(
        type='mmseg_plugins.DeconvNetHead',
        num_classes=21,
        norm_cfg=norm_cfg,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
        init_cfg=[dict(type='Normal', layer=['Conv2d', 'ConvTranspose2d'], std=0.01), shift]),
    test_cfg=dict(mode='whole'))

# --------------------------------------------------------------------- data
around_object = dict(type='mmseg_plugins.CropAroundObject', margin=1.2, background=(0, ), others=0)
cut = [
    dict(type='Resize', scale=(250, 250), keep_ratio=False),
    dict(type='RandomCrop', crop_size=(side, side)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
load = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations')]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(side, side), keep_ratio=False),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]
dataset = dict(type='PascalVOCDataset', data_root=data_root)
train_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        ann_file='ImageSets/Segmentation/trainaug.txt',
        data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClassAug'),
        pipeline=[*load, around_object, *cut],
        **dataset))
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        ann_file='ImageSets/Segmentation/val.txt',
        data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
        pipeline=test_pipeline,
        **dataset))
test_dataloader = val_dataloader
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator

# ----------------------------------------------------------------- schedule
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=4000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=5e-4),
    paramwise_cfg=dict(bias_lr_mult=2.0, bias_decay_mult=0.0))
param_scheduler = [dict(type='MultiStepLR', by_epoch=False, milestones=milestones, gamma=0.1)]
custom_hooks = [dict(type='mmseg_plugins.PreciseBNHook', num_batches=500)]
default_hooks = dict(checkpoint=dict(interval=4000))
