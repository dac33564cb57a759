# The quickstart of make demo, two systems in one model: PANet's pyramid with its bottom-up path under MaskLab's masks.
# On EfficientNet-Lite0 with the ImageNet weights that a package of the index carries, on generated shapes, two CPU cores
# and no download.
#   python tools/train.py configs/quickstart/masklab_lite0-panetfpn_640it_shapes.py
# Measured numbers: configs/quickstart/README.md.
_base_ = [
    '../_base_/models/masklab_lite0-small_panetfpn.py',
    '../_base_/datasets/shapes_instance.py',
    '../_base_/schedules/small_1500it.py',
    '../_base_/runtime/iters_runtime.py',
]

# ------------------------------------------------------------------ often changed
max_iters = 640
val_interval = 320
decay_from = 160
base_lr = 3e-3
warmup_iters = 30
backbone_lr_mult = 0.25  # its weights are good already; those of the heads begin from nothing
batch_size = 4  # half a batch takes two thirds of the time, and twice the steps are worth more

# More boxes a step cost next to nothing, for masks are drawn of 16 objects an image all the same.
model = dict(
    roi_head=dict(bbox_head=dict(num_classes=5), mask_head=dict(num_classes=5)),
    train_cfg=dict(rpn_proposal=dict(nms_pre=200, max_per_img=100), rcnn=dict(sampler=dict(num=96))),
    test_cfg=dict(rcnn=dict(score_thr=0.02, nms=dict(type='soft_nms'))))
train_dataloader = dict(batch_size=batch_size)
train_cfg = dict(max_iters=max_iters, val_interval=val_interval)
optim_wrapper = dict(
    optimizer=dict(lr=base_lr),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=backbone_lr_mult))))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=warmup_iters),
    dict(type='LinearLR', start_factor=1.0, end_factor=0.01, by_epoch=False, begin=decay_from, end=max_iters),
]
custom_hooks = [dict(type='mmseg_plugins.ChannelsLastHook')]
default_hooks = dict(checkpoint=dict(interval=val_interval))
