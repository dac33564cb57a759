# Cell nuclei, crops of 256 x 256, for two CPU cores.
# Everything but the components of PANet, which the leaf configs add.
_base_ = [
    '../../_base_/models/mask-rcnn_r18-small_fpn.py',
    '../../_base_/datasets/nuclei_instance.py',
    '../../_base_/runtime/iters_runtime.py',
]

# ------------------------------------------------------------------ often changed
anchor_scales = [2, 3]  # 8, 12, 16, 24, ..., 64, 96 px: 90 % of the nuclei measure 7 to 50 px, median 20
finest_scale = 14  # RoIs below twice this side are read from stride 4 (stock extractor only)
num_groups = 16
mask_convs = 3  # convolutions of the mask head; the fully connected branch starts before the last

# The ladder's model: the quickstart's Mask R-CNN with group norm in pyramid and heads, so that the rungs differ by
# nothing but the component that each adds.  shapes.py has the same.
norm_cfg = dict(type='GN', num_groups=num_groups)
model = dict(
    neck=dict(type='mmseg_plugins.PANetFPN', bottom_up=False, norm_cfg=norm_cfg),
    rpn_head=dict(anchor_generator=dict(scales=anchor_scales)),
    roi_head=dict(
        bbox_roi_extractor=dict(finest_scale=finest_scale),
        bbox_head=dict(type='mmseg_plugins.AdaptivePooling2FCBBoxHead', num_classes=1, num_levels=1, norm_cfg=norm_cfg),
        mask_roi_extractor=dict(finest_scale=finest_scale),
        mask_head=dict(
            type='mmseg_plugins.AdaptivePoolingMaskHead',
            num_classes=1,
            num_levels=1,
            fc_fusion=False,
            roi_feat_size=14,
            num_convs=mask_convs,
            norm_cfg=norm_cfg)),
    train_cfg=dict(rpn_proposal=dict(nms_pre=500, max_per_img=300), rcnn=dict(sampler=dict(num=64, pos_fraction=0.5))),
    test_cfg=dict(
        rpn=dict(nms_pre=1000, max_per_img=500),
        rcnn=dict(max_per_img=200)))  # up to 375 nuclei in an image; COCO's AP reads the best 100
