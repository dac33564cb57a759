# Instances of the generated shapes, 128 x 128, no download, for two CPU cores.
_base_ = [
    '../../_base_/models/mask2former_r18-small.py',
    '../../_base_/datasets/shapes_instance.py',
    '../../_base_/schedules/small_1500it.py',
    '../../_base_/runtime/iters_runtime.py',
]
