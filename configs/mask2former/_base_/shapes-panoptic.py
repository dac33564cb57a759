# Panoptic shapes, 128 x 128: five things and two kinds of ground.
_base_ = [
    '../../_base_/models/mask2former_r18-small.py',
    '../../_base_/datasets/shapes_panoptic.py',
    '../../_base_/schedules/small_1500it.py',
    '../../_base_/runtime/iters_runtime.py',
]

num_things = 5
num_stuff = 2
model = dict(
    panoptic_head=dict(
        num_things_classes=num_things,
        num_stuff_classes=num_stuff,
        loss_cls=dict(class_weight=[1.0] * (num_things + num_stuff) + [0.1])),
    panoptic_fusion_head=dict(num_things_classes=num_things, num_stuff_classes=num_stuff),
    test_cfg=dict(panoptic_on=True))

default_hooks = dict(checkpoint=dict(save_best='coco_panoptic/PQ', rule='greater'))
visualizer = dict(type='mmseg_plugins.PanopticVisualizer')
