# Generated shapes, 128 x 128, no download, for two CPU cores.
# Everything but the components of MaskLab, which the leaf configs add.
_base_ = [
    './r18-small.py',
    '../../_base_/datasets/shapes_instance.py',
    '../../_base_/schedules/small_1500it.py',
]

# ------------------------------------------------------------------ often changed
anchor_scales = [2, 4, 8]  # 16, 32, 64 px: the shapes are 12 to 67 px long, 7 to 65 px wide

model = dict(rpn_head=dict(anchor_generator=dict(scales=anchor_scales)))
