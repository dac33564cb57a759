# FC-DenseNet103 with CamVid's 11 classes.  batch_statistics: the original evaluates with
# the statistics of the test batch, too; it must be the same in backbone and head.

# ------------------------------------------------------------------ often changed
growth_rate = 16
dropout = 0.2

model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size=(224, 224)),
    backbone=dict(
        type='mmseg_plugins.FCDenseNet',
        growth_rate=growth_rate,
        down_layers=(4, 5, 7, 10, 12),
        bottleneck_layers=15,
        dropout=dropout,
        batch_statistics=True),
    decode_head=dict(
        type='mmseg_plugins.FCDenseNetHead',
        in_channels=[112, 192, 304, 464, 656, 240],
        growth_rate=growth_rate,
        up_layers=(12, 10, 7, 5, 4),
        dropout=dropout,
        batch_statistics=True,
        num_classes=11,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)),
    test_cfg=dict(mode='whole'))
