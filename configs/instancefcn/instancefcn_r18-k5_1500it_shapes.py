# InstanceFCN on generated shapes, 5 x 5 positions, windows on four levels.
#   python tools/train.py configs/instancefcn/instancefcn_r18-k5_1500it_shapes.py
# Measured numbers: configs/instancefcn/README.md.
_base_ = [
    './_base_/r18-small.py',
    '../_base_/datasets/shapes_instance.py',
    '../_base_/schedules/small_1500it.py',
    '../_base_/runtime/iters_runtime.py',
]

# The classes are not told apart.
recall = dict(type='mmseg_plugins.MaskRecallMetric', metric=['segm', 'bbox'], proposal_nums=(10, 100, 1000))
val_evaluator = recall
test_evaluator = recall
