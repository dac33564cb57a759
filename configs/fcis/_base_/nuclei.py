# Cell nuclei, crops of 256 x 256, for two CPU cores.
_base_ = [
    './r18-small.py',
    '../../_base_/datasets/nuclei_instance.py',
    '../../_base_/runtime/iters_runtime.py',
]

# ------------------------------------------------------------------ often changed
anchor_scales = [2, 3]  # 8, 12, 16, 24, ..., 64, 96 px: 90 % of the nuclei measure 7 to 50 px, median 20
num_rois = 300  # of the proposals and objects; on average 134 are objects (median 18 nuclei a crop, at most about 200)

model = dict(
    rpn_head=dict(anchor_generator=dict(scales=anchor_scales)),
    roi_head=dict(num_classes=1),
    train_cfg=dict(rcnn=dict(sampler=dict(num=num_rois))),
    test_cfg=dict(
        rpn=dict(nms_pre=1000, max_per_img=500),
        rcnn=dict(max_per_img=200)))  # up to 375 nuclei in an image; COCO's AP reads the best 100
