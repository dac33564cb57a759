# Cell nuclei, crops of 256 x 256, for two CPU cores.
# Everything but the RoI operator, which the leaf configs name.
_base_ = [
    '../../_base_/models/mask-rcnn_r18-small_fpn.py',
    '../../_base_/datasets/nuclei_instance.py',
    '../../_base_/schedules/small_1000it.py',
    '../../_base_/runtime/iters_runtime.py',
]

# ------------------------------------------------------------------ often changed
anchor_scales = [2, 3]  # 8, 12, 16, 24, ..., 64, 96 px: 90 % of the nuclei measure 7 to 50 px, median 20
finest_scale = 14  # RoIs below twice this side are read from stride 4

# The quickstart's Mask R-CNN with the extractor that takes any RoI operator.
extractor = dict(
    _delete_=True,
    type='mmseg_plugins.RoIOpExtractor',
    finest_scale=finest_scale,
    out_channels={{_base_.width}},
    featmap_strides=[4, 8, 16, 32])
model = dict(
    rpn_head=dict(anchor_generator=dict(scales=anchor_scales)),
    roi_head=dict(
        bbox_head=dict(num_classes=1),
        mask_head=dict(num_classes=1),
        bbox_roi_extractor=dict(roi_layer=dict(type='RoIAlign', output_size=7, sampling_ratio=1), **extractor),
        mask_roi_extractor=dict(roi_layer=dict(type='RoIAlign', output_size=14, sampling_ratio=1), **extractor)),
    train_cfg=dict(rpn_proposal=dict(nms_pre=500, max_per_img=300), rcnn=dict(sampler=dict(num=64, pos_fraction=0.5))),
    test_cfg=dict(
        rpn=dict(nms_pre=1000, max_per_img=500),
        rcnn=dict(max_per_img=200)))  # up to 375 nuclei in an image; COCO's AP reads the best 100
