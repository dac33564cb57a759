# The quickstart of make demo: a small Mask R-CNN with PANet's bottom-up path, on EfficientNet-Lite0 with ImageNet
# weights from a package of the index, on generated shapes, two CPU cores and no download.
#   python tools/train.py configs/quickstart/panet_lite0-path_300it_shapes.py
# Not yet measured.
_base_ = [
    '../_base_/models/mask-rcnn_lite0-small_fpn.py',
    '../_base_/datasets/shapes_instance.py',
    '../_base_/schedules/small_1500it.py',
    '../_base_/runtime/iters_runtime.py',
]

# ------------------------------------------------------------------ often changed
max_iters = 300
val_interval = 100
decay_from = 150
warmup_iters = 30

model = dict(neck=dict(type='mmseg_plugins.PANetFPN', bottom_up=True))
train_cfg = dict(max_iters=max_iters, val_interval=val_interval)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=warmup_iters),
    dict(type='LinearLR', start_factor=1.0, end_factor=0.01, by_epoch=False, begin=decay_from, end=max_iters),
]
default_hooks = dict(checkpoint=dict(interval=val_interval))
