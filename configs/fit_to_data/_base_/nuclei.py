# A small Mask R-CNN on cell nuclei with what COCO's configs set for COCO: anchors of 32, 64, ... px,
# RoIs below 112 px read from stride 4, at most 100 detections.  The starting point for mmseg-plugins fit.
_base_ = [
    '../../_base_/models/mask-rcnn_r18-small_fpn.py',
    '../../_base_/datasets/nuclei_instance.py',
    '../../_base_/schedules/small_1000it.py',
    '../../_base_/runtime/iters_runtime.py',
]

model = dict(
    rpn_head=dict(anchor_generator=dict(scales=[8])),
    roi_head=dict(
        bbox_roi_extractor=dict(finest_scale=56),
        bbox_head=dict(num_classes=1),
        mask_roi_extractor=dict(finest_scale=56),
        mask_head=dict(num_classes=1)),
    train_cfg=dict(rpn_proposal=dict(nms_pre=500, max_per_img=300), rcnn=dict(sampler=dict(num=64, pos_fraction=0.5))),
    test_cfg=dict(rpn=dict(nms_pre=1000, max_per_img=500), rcnn=dict(max_per_img=100)))
