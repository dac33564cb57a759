# 300 iterations for the decoder, at three times the small schedule's rate; an encoder that trains along keeps 1e-3.
_base_ = ['../../_base_/schedules/small_1000it.py']

max_iters = 300
base_lr = 3e-3

train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
optim_wrapper = dict(
    optimizer=dict(lr=base_lr), paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=1 / 3))))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=max_iters, T_max=max_iters - 50, eta_min=0.0)
]
