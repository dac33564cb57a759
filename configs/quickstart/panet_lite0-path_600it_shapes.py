# The quickstart with pre-trained weights: a small Mask R-CNN with PANet's bottom-up path, on EfficientNet-Lite0 with ImageNet
# weights from a package of the index, on generated shapes, two CPU cores and no download.
#   python tools/train.py configs/quickstart/panet_lite0-path_600it_shapes.py
# Not yet measured.
_base_ = [
    '../_base_/models/mask-rcnn_lite0-small_fpn.py',
    '../_base_/datasets/shapes_instance.py',
    '../_base_/schedules/small_1500it.py',
    '../_base_/runtime/iters_runtime.py',
]

# ------------------------------------------------------------------ often changed
max_iters = 600
val_interval = 300
decay_from = 180
base_lr = 3e-3
warmup_iters = 30

# Rate, frozen stages and length were chosen on shapes of another seed (seed 7), never on the validation images.
model = dict(
    backbone=dict(frozen_stages=2),
    neck=dict(type='mmseg_plugins.PANetFPN', bottom_up=True),
    roi_head=dict(bbox_head=dict(num_classes=5), mask_head=dict(num_classes=5)))
train_cfg = dict(max_iters=max_iters, val_interval=val_interval)
optim_wrapper = dict(optimizer=dict(lr=base_lr))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=warmup_iters),
    dict(type='LinearLR', start_factor=1.0, end_factor=0.01, by_epoch=False, begin=decay_from, end=max_iters),
]
default_hooks = dict(checkpoint=dict(interval=val_interval))
