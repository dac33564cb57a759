# FCN for two CPU cores: VGG-16 of a quarter of the width (16 to 128 channels, fc6
# and fc7 with 256) with batch norm, from scratch.  The zeros of the original's
# padding of 100 px would be 70% of what is computed on a crop of 224 x 224: here
# fc6 is padded by 3 cells instead, which lines scores and pixels up in the same way.
# Stock cross-entropy, averaged: the sum and its tiny learning rate belong to SGD.
width = 16
fc_channels = 256

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
        type='mmseg_plugins.WithImage',
        net=dict(
            type='mmseg_plugins.FCNVGG',
            depth=16,
            base_channels=width,
            fc_channels=fc_channels,
            with_bn=True,
            first_padding=1,
            fc_padding=3)),
    decode_head=dict(
        type='mmseg_plugins.FCNSkipHead',
        in_channels=[4 * width, 8 * width, fc_channels, 3],
        num_classes=11,
        padding=1,
        fc_padding=3,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)),
    test_cfg=dict(mode='whole'))
