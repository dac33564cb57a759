# The published recipe on CamVid: whole images, batches of 10, Adam for 300 epochs,
# the learning rate divided by 10 every 100.
_base_ = ['../../_base_/runtime/semantic_epochs_runtime.py', '../../_base_/datasets/camvid_full.py']

env_cfg = dict(cudnn_benchmark=True)  # images of one size

# ------------------------------------------------------------------ often changed
base_lr = 5e-4
max_epochs = 300
batch_size = 10

train_dataloader = dict(
    batch_size=batch_size,
    num_workers=4,
    sampler=dict(_delete_=True, type='DefaultSampler', shuffle=True))
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=10)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=base_lr, weight_decay=2e-4))
param_scheduler = dict(type='MultiStepLR', by_epoch=True, milestones=[100, 200], gamma=0.1)
