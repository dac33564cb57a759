# DeepLab over VGG-16 for two CPU cores: a quarter of the channels, fc6 and fc7 of 256, batch norm after every
# convolution (the published nets have none, and start from ImageNet).
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        size=(224, 224),
        pad_val=0,
        seg_pad_val=255),
    backbone=dict(
        type='mmseg_plugins.VGG',
        depth=16,
        base_channels=16,
        with_bn=True,
        pool_strides=(2, 2, 2, 1, 1),
        pool_kernel=3,
        dilations=(1, 1, 1, 1, 2),
        out_indices=(4, )),
    decode_head=dict(
        type='mmseg_plugins.LargeFOVHead',
        in_channels=128,
        num_classes=11,
        fc_channels=256,
        dilations=(12, ),
        norm_cfg=dict(type='BN'),
        label_stride=8,
        align_corners=True,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
