# The original's setting on PASCAL VOC (SBD images and masks, SDS split): 4 GPUs
# with one image each, 22 epochs over 5623 images and their mirror images, that is
# 62k iterations, x0.1 after 14 epochs.  No warm-up, no OHEM: 128 RoIs per image, a
# quarter of them objects, background with an IoU in [.1, .5).  The released 5e-4 a
# GPU with summed gradients are 2e-3 for their mean.
_base_ = [
    './dc5.py',
    '../../_base_/datasets/sbd_instance.py',
    '../../_base_/runtime/iters_runtime.py',
]

# ------------------------------------------------------------------ often changed
base_lr = 0.002  # for 4 images a step; --auto-scale-lr for other numbers
max_iters = 62000
milestones = [39400]

# -------------------------------------------------------------------- model
anchor_scales = [8, 16, 32]  # 128 .. 512 px
min_side = 16  # of proposals and of RoIs that vote, in input pixels
proposals = dict(min_bbox_size=min_side - 1)  # x2 - x1 > 15: about x2 - x1 + 1 >= 16
model = dict(
    rpn_head=dict(anchor_generator=dict(scales=anchor_scales)),
    roi_head=dict(num_classes=20),
    train_cfg=dict(
        rpn_proposal=proposals,
        rcnn=dict(
            assigner=dict(neg_iou_thr=(0.1, 0.5)),
            sampler=dict(
                _delete_=True, type='mmseg_plugins.PaddedRandomSampler', num=128, pos_fraction=0.25))),
    test_cfg=dict(rpn=proposals, rcnn=dict(min_bbox_size=min_side)))

# --------------------------------------------------------------------- data
train_dataloader = dict(batch_size=1)

# ----------------------------------------------------------------- schedule
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=5000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=base_lr, momentum=0.9, weight_decay=5e-4),
    paramwise_cfg=dict(
        bias_decay_mult=0.0,
        custom_keys={
            'score_maps.conv.weight': dict(lr_mult=3.0),
            'score_maps.conv.bias': dict(lr_mult=3.0, decay_mult=0.0),
        }))
param_scheduler = [dict(type='MultiStepLR', by_epoch=False, milestones=milestones, gamma=0.1)]
default_hooks = dict(checkpoint=dict(interval=5000, save_best='sds/mAPr_50'), logger=dict(interval=50))
auto_scale_lr = dict(enable=False, base_batch_size=4)
