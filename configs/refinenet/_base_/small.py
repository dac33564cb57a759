# RefineNet cut down for two CPU cores: ResNet-18 of half the width, a decoder of
# 64 channels.  Trained from scratch.
base_channels = 32
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
        type='ResNet', depth=18, stem_channels=base_channels, base_channels=base_channels, style='pytorch'),
    decode_head=dict(
        type='mmseg_plugins.LightRefineNetHead',
        in_channels=[base_channels * 2**stage for stage in range(4)],
        num_classes=11,
        channels=64,
        top_channels=64,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
