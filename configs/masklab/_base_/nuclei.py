# Cell nuclei, crops of 256 x 256, for two CPU cores, on the pyramid: at output stride 8 the median nucleus (20 px)
# would be 2.5 cells wide, and a direction map cannot tell its sides apart.  MaskLab's part is that of r18-small-fpn.py.
_base_ = [
    '../../_base_/models/mask-rcnn_r18-small_fpn.py',
    '../../_base_/datasets/nuclei_instance.py',
    '../../_base_/runtime/iters_runtime.py',
]

# ------------------------------------------------------------------ often changed
anchor_scales = [2, 3]  # 8, 12, 16, 24, ..., 64, 96 px: 90 % of the nuclei measure 7 to 50 px, median 20
finest_scale = 14  # RoIs below twice this side are read from stride 4
max_masks_per_img = 16  # nuclei of a crop, drawn anew, that train the masks at a step
mask_size = 21

model = dict(
    rpn_head=dict(anchor_generator=dict(scales=anchor_scales)),
    roi_head=dict(
        type='mmseg_plugins.MaskLabRoIHead',
        bbox_roi_extractor=dict(finest_scale=finest_scale),
        bbox_head=dict(num_classes=1),
        mask_roi_extractor=None,
        mask_head=dict(
            _delete_=True,
            type='mmseg_plugins.MaskLabMaskHead',
            num_classes=1,
            in_channels=64,
            logits_index=0,
            logits_stride=4,
            mask_size=mask_size,
            refine=dict(indices=[0], channels=[64], strides=[4], conv_channels=32))),
    train_cfg=dict(
        rpn_proposal=dict(nms_pre=500, max_per_img=300),
        rcnn=dict(
            sampler=dict(num=64, pos_fraction=0.5),
            max_masks_per_img=max_masks_per_img,
            mask_size=None)),  # mask_head.mask_size counts
    test_cfg=dict(
        rpn=dict(nms_pre=1000, max_per_img=500),
        rcnn=dict(max_per_img=200)))  # up to 375 nuclei in an image; COCO's AP reads the best 100
