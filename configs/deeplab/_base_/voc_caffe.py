# PASCAL VOC as DeepLab's VGG nets were trained: crops of 321 and their mirror images, no scales, batches of 10, 20,000
# steps, polynomial decay to 0.  ResNet-101: voc_caffe-scales.py.
_base_ = ['../../_base_/runtime/semantic_runtime.py', '../../_base_/datasets/voc12aug_semantic.py']

env_cfg = dict(cudnn_benchmark=True)  # images of one size

# ------------------------------------------------------------------ often changed
max_iters = 20000
val_interval = 2000
crop_size = (321, 321)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
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
