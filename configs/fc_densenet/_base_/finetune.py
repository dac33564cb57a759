# Second part of the published recipe: whole images one by one, a tenth of the learning
# rate (from memory, not checked), the rest as in the first part (recipe_750e.py).
_base_ = ['../../_base_/runtime/semantic_epochs_runtime.py', '../../_base_/datasets/camvid_full.py']

env_cfg = dict(cudnn_benchmark=True)  # images of one size

# ------------------------------------------------------------------ often changed
base_lr = 1e-4
max_epochs = 750
batch_size = 1

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
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
