# FCIS on COCO after a pyramid, for backbones without a dilated last stage (tiny Swin and ConvNeXt give 96, 192, 384
# and 768 channels).  The head reads the map of stride 16, the RPN all of them, so that every convolution is trained.
_base_ = [
    './dc5.py',
    './coco_600.py',
    './schedule_240k.py',
    '../../_base_/runtime/iters_runtime.py',
]

# ------------------------------------------------------------------ often changed
base_lr = 1e-4  # AdamW, 8 images a step
anchor_scales = [8]  # 32 .. 512 px on strides 4 .. 64

model = dict(
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], pad_size_divisor=32),
    neck=dict(type='FPN', in_channels=[96, 192, 384, 768], out_channels=256, num_outs=5),
    rpn_head=dict(
        in_levels=None,
        in_channels=256,
        feat_channels=256,
        anchor_generator=dict(scales=anchor_scales, strides=[4, 8, 16, 32, 64])),
    roi_head=dict(in_levels=[2], in_channels=256),
    train_cfg=dict(rpn_proposal=dict(nms_pre=2000)),
    test_cfg=dict(rpn=dict(nms_pre=1000)))
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=base_lr, weight_decay=0.05),
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        custom_keys={
            'absolute_pos_embed': dict(decay_mult=0.0),
            'relative_position_bias_table': dict(decay_mult=0.0),
            'gamma': dict(decay_mult=0.0),
        }))
default_hooks = dict(checkpoint=dict(interval=20000), logger=dict(interval=50))
