# First part of the published recipe on CamVid: crops of 224 x 224 in batches of 3,
# RMSProp as Lasagne computes it, up to 750 epochs, stopped after 150 without a better
# mean IoU.  The penalty of 1e-4 times the sum of squared weights is a decay of 2e-4.
_base_ = ['../../_base_/runtime/semantic_epochs_runtime.py', '../../_base_/datasets/camvid_full.py']

env_cfg = dict(cudnn_benchmark=True)  # images of one size

# ------------------------------------------------------------------ often changed
base_lr = 1e-3
max_epochs = 750
batch_size = 3
crop_size = (224, 224)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=batch_size,
    num_workers=4,
    sampler=dict(_delete_=True, type='DefaultSampler', shuffle=True),
    dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(batch_size=10)  # what the original normalizes together
test_dataloader = dict(batch_size=10)
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='mmseg_plugins.LasagneRMSprop', lr=base_lr, rho=0.9, eps=1e-6, weight_decay=2e-4),
    paramwise_cfg=dict(bias_decay_mult=0.0))
param_scheduler = dict(type='ExponentialLR', by_epoch=True, gamma=0.995)
custom_hooks = [dict(type='EarlyStoppingHook', monitor='mIoU', rule='greater', patience=150, min_delta=0.0)]
