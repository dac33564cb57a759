# Panoptic shapes, 128 x 128, for two CPU cores: 600 iterations of the small models, as quickstart/panet_lite0-path has
# them, and the metrics of models with and without instances in their predictions.
_base_ = [
    '../../_base_/datasets/shapes_panoptic.py',
    '../../_base_/runtime/iters_runtime.py',
]

# ------------------------------------------------------------------ often changed
max_iters = 600
val_interval = 300
decay_from = 180
base_lr = 3e-3
warmup_iters = 30

num_things = 5
num_stuff = 2
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=val_interval)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=base_lr, weight_decay=0.05, fused=True),
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0),
    clip_grad=dict(max_norm=5.0, norm_type=2))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=warmup_iters),
    dict(type='LinearLR', start_factor=1.0, end_factor=0.01, by_epoch=False, begin=decay_from, end=max_iters),
]

# Panoptic quality first; the semantic and the object level of a panoptic map; then what also needs instances.
panoptic_evaluator = [
    _base_.val_evaluator[0],
    dict(type='mmseg_plugins.SemanticIoUMetric', prefix='semantic'),
    dict(type='mmseg_plugins.ForegroundIoUMetric'),
]
val_evaluator = [*panoptic_evaluator, _base_.val_evaluator[1]]
test_evaluator = val_evaluator
visualizer = dict(type='mmseg_plugins.PanopticVisualizer')
default_hooks = dict(checkpoint=dict(interval=val_interval))

# What a leaf takes.  Stock PanopticFPN on top of a Mask R-CNN of 64 channels; its samples hold panoptic maps alone.
semantic_head = dict(
    type='PanopticFPNHead',
    num_things_classes=num_things,
    num_stuff_classes=num_stuff,
    in_channels=64,
    inner_channels=32,
    start_level=0,
    end_level=4,
    norm_cfg=dict(type='GN', num_groups=16),
    loss_seg=dict(type='CrossEntropyLoss', ignore_index=255, loss_weight=0.5))
panoptic_fusion_head = dict(
    type='HeuristicFusionHead', num_things_classes=num_things, num_stuff_classes=num_stuff)
fusion_test_cfg = dict(
    rcnn=dict(score_thr=0.6, nms=dict(class_agnostic=True)),
    panoptic=dict(mask_overlap=0.5, stuff_area_limit=64))  # px; the paper's 4,096 are of COCO's images

# PanopticMerge: stuff of the four-level Mask2Former of the shapes, whichever model finds the things.
panoptic_merge = dict(
    type='mmseg_plugins.PanopticMerge',
    config='configs/mask2former/mask2former_lite0-four-levels_600it_shapes.py',
    checkpoint='work_dirs/mask2former_lite0-four-levels_600it_shapes/iter_600.pth',
    things=_base_.metainfo['thing_classes'],
    stuff=_base_.metainfo['stuff_classes'],
    stuff_area_limit=64)
