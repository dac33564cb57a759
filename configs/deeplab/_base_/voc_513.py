# PASCAL VOC as DeepLab v3 was trained: a scale of .5 to 2, crops of 513, batches of 16, 30,000 steps from .007 with
# polynomial decay to 0.
_base_ = ['../../_base_/runtime/semantic_runtime.py', '../../_base_/datasets/voc12aug_semantic.py']

env_cfg = dict(cudnn_benchmark=True)  # images of one size

# ------------------------------------------------------------------ often changed
max_iters = 30000
val_interval = 3000
base_lr = 0.007
crop_size = (513, 513)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='RandomResize', scale=(500, 500), ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
# --tta: scales of .5 to 1.75, each mirrored, too; the mean of the probabilities.
tta_scales = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)
tta_model = dict(type='mmseg_plugins.MeanTTAModel')
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='Resize', scale_factor=scale, keep_ratio=True) for scale in tta_scales],
            [dict(type='RandomFlip', prob=prob, direction='horizontal') for prob in (0.0, 1.0)],
            [dict(type='LoadAnnotations')],
            [dict(type='PackSegInputs')],
        ]),
]
train_dataloader = dict(batch_size=16, num_workers=4, dataset=dict(pipeline=train_pipeline))

default_hooks = dict(checkpoint=dict(interval=val_interval))
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=val_interval)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=max_iters, by_epoch=False)]
optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='SGD', lr=base_lr, momentum=0.9, weight_decay=1e-4))
