_base_ = [
    '../_base_/iters_runtime.py',
    '../_base_/datasets/shapes_instance.py',
    '../_base_/models/mask-rcnn_r18-small_fpn.py',
    '../_base_/schedules/iters_adamw.py',
]
