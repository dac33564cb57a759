# One Mask2Former, four answers in one pass: objects (foreground), classes (semantic), instances, panoptic segments.
# Cell nuclei as one thing, everything else as one stuff; encoder with ImageNet weights from a package.
#   python tools/train.py configs/mask2former/mask2former_lite0-four-levels_1000it-crop256_nuclei.py
# Measured numbers: configs/mask2former/README.md.
_base_ = [
    '../_base_/models/mask2former_lite0-small.py',
    '../_base_/datasets/nuclei_panoptic.py',
    '../_base_/schedules/small_1000it.py',
    '../_base_/runtime/iters_runtime.py',
]

# ------------------------------------------------------------------ often changed
num_queries = 100  # 99 % of random 256 x 256 crops hold no more nuclei (median 18, at most about 200)

num_things = 1
num_stuff = 1
model = dict(
    type='mmseg_plugins.FourLevelMask2Former',
    panoptic_head=dict(
        num_queries=num_queries,
        num_things_classes=num_things,
        num_stuff_classes=num_stuff,
        loss_cls=dict(class_weight=[1.0] * (num_things + num_stuff) + [0.1])),
    panoptic_fusion_head=dict(
        type='mmseg_plugins.FourLevelFusionHead', num_things_classes=num_things, num_stuff_classes=num_stuff),
    test_cfg=dict(
        panoptic_on=True, instance_on=True, semantic_on=True, foreground_on=True, max_per_image=num_queries))

default_hooks = dict(checkpoint=dict(save_best='coco_panoptic/PQ', rule='greater'))
visualizer = dict(type='mmseg_plugins.PanopticVisualizer')
