# The small models' common part: a ResNet-18 of half the width, from scratch, an
# FPN of 64 channels on strides 4, 8, 16, 32, heads of 64 channels with group norm.
#
# The pyramid keeps its strides (resize_ends=False), and masks are drawn at stride
# 2.  The original halves the finest map and draws at stride 4 and coarser, where
# an object of 20 pixels is five pixels wide.

# ------------------------------------------------------------------ often changed
width = 64  # channels of the pyramid and of the heads; a multiple of num_groups
num_groups = 16

norm_cfg = dict(type='GN', num_groups=num_groups)
model = dict(
    type='SOLO',
    data_preprocessor=dict(
        type='DetDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_mask=True,
        pad_size_divisor=32),
    backbone=dict(
        type='ResNet',
        depth=18,
        base_channels=32,
        num_stages=4,
        out_indices=(0, 1, 2, 3),
        frozen_stages=-1,
        style='pytorch',
        norm_eval=False,
        init_cfg=None),
    neck=dict(type='FPN', in_channels=[32, 64, 128, 256], out_channels=width, num_outs=4),
    mask_head=dict(
        type='mmseg_plugins.SOLOHead',
        num_classes=80,
        in_channels=width,
        stacked_convs=2,
        feat_channels=width,
        strides=[4, 8, 16, 32],
        resize_ends=False,
        norm_cfg=norm_cfg),
    test_cfg=dict(
        nms_pre=500,
        score_thr=0.1,
        mask_thr=0.5,
        filter_thr=0.05,
        kernel='gaussian',
        sigma=2.0,
        max_per_img=100))
