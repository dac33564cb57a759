# Mask R-CNN exactly as the released PANet code builds its baseline on COCO:
# group norm in the pyramid and in all heads, frozen caffe ResNet-50, Detectron's
# conventions (legacy RoIAlign, boxes with inclusive corners from the RPN to the
# detections, rounded anchors).
# The leaf configs add the paper's components one by one.  Converted official
# weights run under these settings unchanged (mmseg-plugins convert-weights panet-official).
#
# The schedule is the released one, counted in iterations: SGD 0.02 for 16
# images, 180k iterations, x0.1 at 120k and 160k.
_base_ = [
    'mmdet::_base_/models/mask-rcnn_r50_fpn.py',
    '../../_base_/datasets/coco_instance.py',
    '../../_base_/runtime/iters_runtime.py',
]

# ------------------------------------------------------------------ often changed
# ResNet-50 of the original authors' kind: BGR input without division, stride on
# the first convolution of a bottleneck, with mmdet's keys, made from Detectron's
# R-50.pkl:
#   mmseg-plugins convert-weights resnet50-caffe R-50.pkl checkpoints/resnet50_caffe.pth
# Another file: --cfg-options model.backbone.init_cfg.checkpoint=PATH
# panet_r50-torchvision-full_2x_coco.py needs no such file.
backbone_checkpoint = 'checkpoints/resnet50_caffe.pth'
base_lr = 0.02  # for 16 images a step; --auto-scale-lr for other numbers
max_iters = 180000
milestones = [120000, 160000]

# -------------------------------------------------------------------- model
norm_cfg = dict(type='GN', num_groups=32)
roi_align = dict(type='RoIAlign', sampling_ratio=2, aligned=False)
inclusive = 'inclusive'  # corners are pixels of the box: widths x2 - x1 + 1
inclusive_coder = dict(type='mmseg_plugins.InclusiveDeltaXYWHBBoxCoder', target_stds=(0.1, 0.1, 0.2, 0.2))
inclusive_iou = dict(type='mmseg_plugins.InclusiveOverlaps')
inclusive_nms = dict(offset=1)
model = dict(
    data_preprocessor=dict(mean=[102.9801, 115.9465, 122.7717], std=[1.0, 1.0, 1.0], bgr_to_rgb=False),
    backbone=dict(
        norm_cfg=dict(requires_grad=False),
        style='caffe',
        init_cfg=dict(type='Pretrained', checkpoint=backbone_checkpoint)),
    neck=dict(type='mmseg_plugins.PANetFPN', bottom_up=False, norm_cfg=norm_cfg),
    rpn_head=dict(
        type='mmseg_plugins.LevelRPNHead',  # reads all maps unless in_levels is set
        box_mode=inclusive,
        max_per_batch=2000,  # proposals for the images of a GPU together
        anchor_generator=dict(type='mmseg_plugins.RoundedAnchorGenerator'),
        bbox_coder=dict(type='mmseg_plugins.InclusiveDeltaXYWHBBoxCoder'),
        loss_bbox=dict(_delete_=True, type='SmoothL1Loss', beta=1 / 9, loss_weight=1.0)),
    roi_head=dict(
        bbox_roi_extractor=dict(roi_layer=roi_align),
        bbox_head=dict(
            type='mmseg_plugins.AdaptivePooling2FCBBoxHead',
            num_levels=1,
            norm_cfg=norm_cfg,
            box_mode=inclusive,
            bbox_coder=dict(_delete_=True, **inclusive_coder),
            loss_bbox=dict(_delete_=True, type='SmoothL1Loss', beta=1 / 3, loss_weight=1.0)),
        mask_roi_extractor=dict(roi_layer=roi_align),
        mask_head=dict(
            type='mmseg_plugins.AdaptivePoolingMaskHead',
            num_levels=1,
            fc_fusion=False,
            roi_feat_size=14,
            norm_cfg=norm_cfg)),
    train_cfg=dict(
        # Every object gets its best anchor, which keeps the box of the object that it overlaps most; one that no
        # anchor touches gets none.
        rpn=dict(
            allowed_border=0,
            assigner=dict(
                _delete_=True,
                type='mmseg_plugins.OwnObjectAssigner',
                pos_iou_thr=0.7,
                neg_iou_thr=0.3,
                min_pos_iou=0.01,
                match_low_quality=True,
                ignore_iof_thr=-1,
                iou_calculator=inclusive_iou)),
        rpn_proposal=dict(nms_pre=2000, max_per_img=2000, nms=inclusive_nms),
        rcnn=dict(assigner=dict(match_low_quality=False, iou_calculator=inclusive_iou))),
    test_cfg=dict(rpn=dict(nms_pre=1000, max_per_img=1000, nms=inclusive_nms), rcnn=dict(nms=inclusive_nms)))

# --------------------------------------------------------------------- data
# Training: one of six short sides, long side at most 1400.  Test: 1000.  Mask
# targets are polygons, drawn at 28 x 28 (masks as RLE are then ignored; the data check
# counts them).
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True, poly2mask=False),
    dict(
        type='RandomChoiceResize',
        scales=[(1400, short) for short in (1200, 1200, 1000, 800, 600, 400)],
        keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(1400, 1000), keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')),
]
train_dataloader = dict(batch_size=2, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

# ----------------------------------------------------------------- schedule
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=10000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=base_lr, momentum=0.9, weight_decay=1e-4),
    paramwise_cfg=dict(
        bias_lr_mult=2.0,
        bias_decay_mult=0.0,
        norm_decay_mult=0.0,
        custom_keys={'gn.bias': dict(lr_mult=2.0, decay_mult=0.0)}))  # those of group norm, too
param_scheduler = [
    dict(type='LinearLR', start_factor=1 / 3, by_epoch=False, begin=0, end=500),
    dict(type='MultiStepLR', by_epoch=False, milestones=milestones, gamma=0.1),
]
default_hooks = dict(checkpoint=dict(interval=10000), logger=dict(interval=50))
auto_scale_lr = dict(enable=False, base_batch_size=16)
