# A plain transformer of 96 channels and 6 blocks in UperNet on CamVid, crops of 224 x 224, for two CPU cores.
_base_ = [
    '../../_base_/datasets/camvid.py',
    '../../_base_/schedules/small_1000it.py',
    '../../_base_/runtime/semantic_runtime.py',
]

dims, width = 96, 64  # of the transformer, of the head
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size=(224, 224),
        test_cfg=dict(size_divisor=32)),  # the coarsest map halves the grid of 16 px, which must be even
    backbone=dict(
        type='mmseg_plugins.EVA02',
        arch=dict(embed_dims=dims, depth=6, num_heads=3),
        pretrain_size=256,
        out_indices=(1, 2, 3, 5)),
    neck=dict(type='Feature2Pyramid', embed_dim=dims, rescales=[4, 2, 1, 0.5], norm_cfg=dict(type='BN')),
    decode_head=dict(
        type='UPerHead',
        in_channels=[dims] * 4,
        in_index=[0, 1, 2, 3],
        pool_scales=(1, 2, 3, 6),
        channels=width,
        num_classes=11,
        norm_cfg=dict(type='BN'),
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
