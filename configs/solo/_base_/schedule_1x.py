# The original's 1x: SGD 0.01 for 16 images (two on each of eight cards), 12 epochs, x0.1 after 9 and 11,
# gradients clipped at a norm of 35 (stock SOLO configs do not clip).

# ------------------------------------------------------------------ often changed
max_epochs = 12
milestones = [9, 11]
warmup_factor = 1 / 3  # of the first of 500 iterations

train_cfg = dict(type='EpochBasedTrainLoop', val_interval=1, max_epochs=max_epochs)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-4),
    clip_grad=dict(max_norm=35, norm_type=2))
param_scheduler = [
    dict(type='LinearLR', start_factor=warmup_factor, by_epoch=False, begin=0, end=500),
    dict(type='MultiStepLR', by_epoch=True, begin=0, end=max_epochs, milestones=milestones, gamma=0.1),
]
auto_scale_lr = dict(enable=False, base_batch_size=16)
