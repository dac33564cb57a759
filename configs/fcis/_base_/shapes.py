# Generated shapes, 128 x 128, no download, for two CPU cores.  Objects are 12 to 67 px long.
_base_ = [
    './r18-small.py',
    '../../_base_/datasets/shapes_instance.py',
    '../../_base_/schedules/small_1500it.py',
    '../../_base_/runtime/iters_runtime.py',
]

# ------------------------------------------------------------------ often changed
anchor_scales = [4]  # 16, 32, 64, 128 px

model = dict(rpn_head=dict(anchor_generator=dict(scales=anchor_scales)), roi_head=dict(num_classes=5))
