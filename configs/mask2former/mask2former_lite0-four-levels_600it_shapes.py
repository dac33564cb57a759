# One Mask2Former, four answers in one pass: objects (foreground), classes (semantic), instances, panoptic segments.
# Generated shapes, five things on two kinds of ground; encoder with ImageNet weights from a package.
#   python tools/train.py configs/mask2former/mask2former_lite0-four-levels_600it_shapes.py
# Measured numbers: configs/mask2former/README.md.
_base_ = [
    '../_base_/models/mask2former_lite0-small.py',
    '../_base_/datasets/shapes_panoptic.py',
    '../_base_/schedules/small_1500it.py',
    '../_base_/runtime/iters_runtime.py',
]

# ------------------------------------------------------------------ often changed
max_iters = 600
val_interval = 300
decay_from = 180
warmup_iters = 30

num_things = 5
num_stuff = 2
model = dict(
    type='mmseg_plugins.FourLevelMask2Former',
    panoptic_head=dict(
        num_things_classes=num_things,
        num_stuff_classes=num_stuff,
        loss_cls=dict(class_weight=[1.0] * (num_things + num_stuff) + [0.1])),
    panoptic_fusion_head=dict(
        type='mmseg_plugins.FourLevelFusionHead', num_things_classes=num_things, num_stuff_classes=num_stuff),
    test_cfg=dict(panoptic_on=True, instance_on=True, semantic_on=True, foreground_on=True))

train_cfg = dict(max_iters=max_iters, val_interval=val_interval)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=warmup_iters),
    dict(type='LinearLR', start_factor=1.0, end_factor=0.01, by_epoch=False, begin=decay_from, end=max_iters),
]
default_hooks = dict(checkpoint=dict(interval=val_interval, save_best='coco_panoptic/PQ', rule='greater'))

val_evaluator = [
    dict(
        type='mmseg_plugins.PanopticQualityMetric',
        ann_file=_base_.data_root + 'annotations/panoptic_val.json',
        seg_prefix=_base_.data_root + 'panoptic_val/'),
    dict(
        type='mmseg_plugins.FastCocoMetric',
        ann_file=_base_.data_root + 'annotations/instances_val.json',
        metric=['bbox', 'segm']),
    dict(type='mmseg_plugins.SemanticIoUMetric', prefix='semantic'),
    dict(type='mmseg_plugins.ForegroundIoUMetric'),
]
test_evaluator = val_evaluator
visualizer = dict(type='mmseg_plugins.PanopticVisualizer')
