# A plain transformer of 96 channels and 6 blocks in Mask R-CNN (ViTDet) on cell nuclei, crops of 256 x 256, for two CPU
# cores.
_base_ = [
    '../../_base_/models/mask-rcnn_r18-small_fpn.py',
    '../../_base_/datasets/nuclei_instance.py',
    '../../_base_/schedules/small_1000it.py',
    '../../_base_/runtime/iters_runtime.py',
]

# ------------------------------------------------------------------ often changed
anchor_scales = [2, 3]  # 90 % of the nuclei measure 7 to 50 px
finest_scale = 14

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmseg_plugins.EVA02',
        arch=dict(embed_dims=96, depth=6, num_heads=3),
        pretrain_size=256,
        window_size=8,
        global_blocks=(2, 5)),
    neck=dict(_delete_=True, type='mmseg_plugins.SimpleFeaturePyramid', in_channels=96, out_channels=64, num_outs=4),
    rpn_head=dict(anchor_generator=dict(scales=anchor_scales)),
    roi_head=dict(
        bbox_roi_extractor=dict(finest_scale=finest_scale),
        bbox_head=dict(num_classes=1),
        mask_roi_extractor=dict(finest_scale=finest_scale),
        mask_head=dict(num_classes=1)),
    train_cfg=dict(rpn_proposal=dict(nms_pre=500, max_per_img=300), rcnn=dict(sampler=dict(num=64, pos_fraction=0.5))),
    test_cfg=dict(rpn=dict(nms_pre=1000, max_per_img=500), rcnn=dict(max_per_img=200)))
