# Cell nuclei, crops of 256 x 256, for two CPU cores.
# Everything but the RoI operator, which the leaf configs name.
_base_ = [
    './r18-small.py',
    '../../_base_/datasets/nuclei_instance.py',
    '../../_base_/schedules/small_1000it.py',
]

# ------------------------------------------------------------------ often changed
anchor_scales = [2, 3]  # 8, 12, 16, 24, ..., 64, 96 px: 90 % of the nuclei measure 7 to 50 px, median 20
finest_scale = 14  # RoIs below twice this side are read from stride 4

model = dict(
    rpn_head=dict(anchor_generator=dict(scales=anchor_scales)),
    roi_head=dict(
        bbox_roi_extractor=dict(finest_scale=finest_scale),
        mask_roi_extractor=dict(finest_scale=finest_scale)),
    train_cfg=dict(rpn_proposal=dict(nms_pre=500, max_per_img=300), rcnn=dict(sampler=dict(num=64, pos_fraction=0.5))),
    test_cfg=dict(
        rpn=dict(nms_pre=1000, max_per_img=500),
        rcnn=dict(max_per_img=200)))  # up to 375 nuclei in an image; COCO's AP reads the best 100
