# Generated shapes, 128 x 128, for two CPU cores.
_base_ = [
    '../../_base_/datasets/shapes_instance.py',
    '../../_base_/schedules/small_1500it.py',
    './r18-small.py',
]
