# Generated shapes, 128 x 128, no download, for two CPU cores.
# Everything but the RoI operator, which the leaf configs name.
_base_ = [
    './r18-small.py',
    '../../_base_/datasets/shapes_instance.py',
    '../../_base_/schedules/small_1500it.py',
]

# ------------------------------------------------------------------ often changed
anchor_scales = [4]  # 16, 32, 64, 128 px
finest_scale = 28  # RoIs below twice this side are read from stride 4

model = dict(
    rpn_head=dict(anchor_generator=dict(scales=anchor_scales)),
    roi_head=dict(
        bbox_roi_extractor=dict(finest_scale=finest_scale),
        mask_roi_extractor=dict(finest_scale=finest_scale)),
    train_cfg=dict(rcnn=dict(sampler=dict(num=64))))
