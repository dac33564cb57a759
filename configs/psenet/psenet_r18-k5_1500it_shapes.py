# PSENet with 5 kernels on generated shapes.
#   python tools/train.py configs/psenet/psenet_r18-k5_1500it_shapes.py
# Measured numbers: configs/psenet/README.md.
_base_ = [
    './_base_/r18-small.py',
    '../_base_/datasets/shapes_instance.py',
    '../_base_/schedules/small_1500it.py',
    '../_base_/runtime/iters_runtime.py',
]

# The five classes are not told apart: COCO's numbers are those of objects.
agnostic = dict(type='mmseg_plugins.MaskRecallMetric', metric=['segm', 'bbox'], proposal_nums=(10, 100))
val_evaluator = agnostic
test_evaluator = agnostic
