# The quickstart of make demo: a small Mask R-CNN with PANet's bottom-up path, from scratch on generated shapes,
# on two CPU cores and without any download.
#   python tools/train.py configs/quickstart/panet_r18-path_1500it_shapes.py
# Measured numbers: configs/quickstart/README.md.
_base_ = '../panet/_base_/shapes.py'

max_iters = 1500
decay_from = 1100  # the rate stays high as long as it can: from scratch that gains more than a cosine

model = dict(neck=dict(bottom_up=True))

train_cfg = dict(max_iters=max_iters, val_interval=500)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=50),
    dict(type='LinearLR', start_factor=1.0, end_factor=0.01, by_epoch=False, begin=decay_from, end=max_iters),
]
default_hooks = dict(checkpoint=dict(interval=500))
