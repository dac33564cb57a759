# FCIS on COCO by chainercv's conventions (half-open boxes, no rounding, no OHEM), for its weights and its training: 8
# GPUs with one image each, 18 epochs, x0.1 after 12, a tenth of the rate for the first 2,000 images.
# chainercv: mask AP 24.3, with 3 GPUs; the original's weights converted: 27.9.
#   tools/dist_train.sh configs/fcis/fcis_r101-dc5-random-chainercv_8xb1-264k_coco.py 8
# Converted weights of chainercv run under it (mmseg-plugins convert-weights fcis-chainercv).
# Not yet measured here.
_base_ = './_base_/coco.py'

max_iters = 264000
milestones = [176000]

half_open_iou = dict(_delete_=True, type='BboxOverlaps2D')
proposals = dict(nms=dict(offset=0), min_bbox_size=2)
model = dict(
    rpn_head=dict(
        box_mode='half_open',
        anchor_generator=dict(
            _delete_=True,
            type='AnchorGenerator',
            scales={{_base_.anchor_scales}},
            ratios=[0.5, 1.0, 2.0],
            strides=[16],
            center_offset=0.5),
        bbox_coder=dict(_delete_=True, type='DeltaXYWHBBoxCoder')),
    roi_head=dict(preset='chainercv'),
    train_cfg=dict(
        rpn=dict(assigner=dict(iou_calculator=half_open_iou)),
        rpn_proposal=proposals,
        rcnn=dict(
            assigner=dict(iou_calculator=half_open_iou),
            sampler=dict(
                _delete_=True,
                type='RandomSampler',  # chainercv leaves short batches short
                num=128,
                pos_fraction=0.25,
                neg_pos_ub=-1,
                add_gt_as_proposals=True))),
    test_cfg=dict(rpn=proposals, rcnn=dict(drop_flat=False)))  # empty masks are dropped anyway

train_cfg = dict(max_iters=max_iters, val_interval=22000)
optim_wrapper = dict(
    paramwise_cfg=dict(
        _delete_=True,  # weight decay of biases too
        custom_keys={'score_maps.conv': dict(lr_mult=3.0)}))
param_scheduler = [
    dict(type='ConstantLR', factor=0.1, by_epoch=False, begin=0, end=250),  # while iterations x 8 GPUs < 2,000
    dict(type='MultiStepLR', by_epoch=False, milestones=milestones, gamma=0.1),
]
default_hooks = dict(checkpoint=dict(interval=22000))
