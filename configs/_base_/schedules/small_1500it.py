# The small budget on generated shapes: 1,500 iterations from scratch, the rate
# high for most of them and down to nothing over the last quarter.
_base_ = ['./small_1000it.py']

# ------------------------------------------------------------------ often changed
max_iters = 1500
val_interval = 500
decay_from = 1100

train_cfg = dict(max_iters=max_iters, val_interval=val_interval)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=50),
    dict(type='LinearLR', start_factor=1.0, end_factor=0.01, by_epoch=False, begin=decay_from, end=max_iters),
]
default_hooks = dict(checkpoint=dict(interval=val_interval))
