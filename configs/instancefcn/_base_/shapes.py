# Generated shapes, 128 x 128, for two CPU cores; the classes are not told apart.
_base_ = [
    '../../_base_/datasets/shapes_instance.py',
    '../../_base_/schedules/small_1500it.py',
    './r18-small.py',
]

recall = dict(type='mmseg_plugins.MaskRecallMetric', metric=['segm', 'bbox'], proposal_nums=(10, 100, 1000))
val_evaluator = recall
test_evaluator = recall
