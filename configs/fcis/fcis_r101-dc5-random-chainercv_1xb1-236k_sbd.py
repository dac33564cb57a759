# FCIS on PASCAL VOC by chainercv's conventions (half-open boxes, no rounding), for its weights and its training: one
# image a step, 42 epochs over 5623 images, x0.1 after 28.  chainercv: mAP^r 64.1 at IoU .5, 51.2 at .7; the original's
# weights converted: 64.2, 51.2.
#   python tools/train.py configs/fcis/fcis_r101-dc5-random-chainercv_1xb1-236k_sbd.py
# Converted weights of chainercv run under it (mmseg-plugins convert-weights fcis-chainercv).
# Not yet measured here.
_base_ = './_base_/sbd.py'

base_lr = 0.0005
max_iters = 236000
milestones = [157000]

half_open_iou = dict(_delete_=True, type='BboxOverlaps2D')
proposals = dict(nms=dict(offset=0), min_bbox_size=16)
model = dict(
    rpn_head=dict(
        box_mode='half_open',
        anchor_generator=dict(
            _delete_=True,
            type='AnchorGenerator',
            scales=[8, 16, 32],
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

train_cfg = dict(max_iters=max_iters, val_interval=20000)
optim_wrapper = dict(
    optimizer=dict(lr=base_lr),
    paramwise_cfg=dict(
        _delete_=True,  # weight decay of biases too
        custom_keys={'score_maps.conv': dict(lr_mult=3.0)}))
param_scheduler = [dict(type='MultiStepLR', by_epoch=False, milestones=milestones, gamma=0.1)]
default_hooks = dict(checkpoint=dict(interval=20000))
auto_scale_lr = dict(base_batch_size=1)
