# Cell nuclei, crops of 256 x 256, for two CPU cores.
# Everything but the components of PANet, which the leaf configs add.
_base_ = [
    './r18-small.py',
    '../../_base_/datasets/nuclei_instance.py',
    '../../_base_/schedules/iters_adamw.py',
    '../../_base_/iters_runtime.py',
]

# ------------------------------------------------------------------ often changed
max_iters = 1000
val_interval = 500
base_lr = 1e-3
warmup_iters = 50
anchor_scales = [2, 3]  # 8, 12, 16, 24, ..., 64, 96 px: 90 % of the nuclei measure 7 to 50 px, median 20
finest_scale = 14  # RoIs below twice this side are read from stride 4 (stock extractor only)

model = dict(
    rpn_head=dict(anchor_generator=dict(scales=anchor_scales)),
    roi_head=dict(
        bbox_roi_extractor=dict(finest_scale=finest_scale),
        mask_roi_extractor=dict(finest_scale=finest_scale)),
    train_cfg=dict(rpn_proposal=dict(nms_pre=500, max_per_img=300), rcnn=dict(sampler=dict(num=64, pos_fraction=0.5))),
    test_cfg=dict(
        rpn=dict(nms_pre=1000, max_per_img=500),
        rcnn=dict(max_per_img=200)))  # up to 375 nuclei in an image; COCO's AP reads the best 100

train_cfg = dict(max_iters=max_iters, val_interval=val_interval)
optim_wrapper = dict(optimizer=dict(lr=base_lr))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=warmup_iters),
    dict(
        type='CosineAnnealingLR',
        by_epoch=False,
        begin=warmup_iters,
        end=max_iters,
        T_max=max_iters - warmup_iters,
        eta_min=0.0),
]
default_hooks = dict(checkpoint=dict(interval=val_interval))
