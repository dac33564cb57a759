# The quickstart's model with the hosts' numbers: AdamW as a loop over parameters, 512 RoIs, adaptive RoIAlign.
_base_ = '../../configs/quickstart/panet_r18-path_1500it_shapes.py'
optim_wrapper = dict(optimizer=dict(fused=False, foreach=False))
model = dict(
    roi_head=dict(
        bbox_roi_extractor=dict(roi_layer=dict(sampling_ratio=0)),
        mask_roi_extractor=dict(roi_layer=dict(sampling_ratio=0))),
    train_cfg=dict(
        rpn=dict(sampler=dict(num=256)),
        rpn_proposal=dict(nms_pre=2000, max_per_img=1000),
        rcnn=dict(sampler=dict(num=512))))
