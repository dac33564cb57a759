# Generated shapes, 128 x 128, for two CPU cores.
_base_ = [
    '../../_base_/datasets/shapes_instance.py',
    '../../_base_/schedules/small_1500it.py',
    './r18-small.py',
]

# The five classes are not told apart: COCO's numbers are those of objects.
agnostic = dict(type='mmseg_plugins.MaskRecallMetric', metric=['segm', 'bbox'], proposal_nums=(10, 100))
val_evaluator = agnostic
test_evaluator = agnostic
