# PASCAL VOC as DeepLab v2's ResNet-101 was trained: a scale of .5 to 1.5, crops of 321, batches of 10, 20,000 steps,
# polynomial decay to 0.  The VGG nets have no scales: voc_caffe.py.
_base_ = ['../../_base_/runtime/semantic_runtime.py', '../../_base_/datasets/voc12aug_semantic.py']

env_cfg = dict(cudnn_benchmark=True)  # images of one size

# ------------------------------------------------------------------ often changed
max_iters = 20000
val_interval = 2000
crop_size = (321, 321)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='RandomChoice', transforms=[[dict(type='Resize', scale_factor=s)] for s in (0.5, 0.75, 1.0, 1.25, 1.5)]),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(batch_size=10, num_workers=4, dataset=dict(pipeline=train_pipeline))

default_hooks = dict(checkpoint=dict(interval=val_interval))
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=val_interval)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=max_iters, by_epoch=False)]
