# Generated shapes, 128 x 128, no download, for two CPU cores: what SOLO's variants share.
_base_ = [
    './r18-small.py',
    '../../_base_/datasets/shapes_instance.py',
    '../../_base_/schedules/small_1500it.py',
    '../../_base_/runtime/iters_runtime.py',
]

# ------------------------------------------------------------------ often changed
num_grids = [20, 16, 12, 8]  # cells along each side: 6.4, 8, 10.7 and 16 px
scale_ranges = ((1, 24), (16, 40), (28, 64), (48, 2048))  # square root of the box's area; shapes have 10 to 65 px

model = dict(mask_head=dict(num_classes=5, num_grids=num_grids, scale_ranges=scale_ranges, min_mask_area=1))
