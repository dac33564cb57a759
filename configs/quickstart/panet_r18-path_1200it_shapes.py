# The quickstart of make demo: a small Mask R-CNN with PANet's bottom-up path, from scratch on generated shapes,
# on two CPU cores and without any download.
#   python tools/train.py configs/quickstart/panet_r18-path_1200it_shapes.py
# Measured numbers: configs/quickstart/README.md.
_base_ = '../panet/_base_/shapes.py'

max_iters = 1200
val_interval = 600

model = dict(neck=dict(bottom_up=True))

train_cfg = dict(max_iters=max_iters, val_interval=val_interval)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=max_iters, T_max=max_iters - 50, eta_min=0.0),
]
default_hooks = dict(checkpoint=dict(interval=300))
