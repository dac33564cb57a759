# DilatedNet for two CPU cores: VGG-16 at a quarter of its width with batch norm and
# padded convolutions (the unpadded ones need 372 px more a side, 7 times the work on
# crops of 224), fc6 and fc7 of 256 channels, loss at every eighth pixel.
norm_cfg = dict(type='BN')
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
        pool_strides=(2, 2, 2, 0, 0),
        dilations=(1, 1, 1, 1, 2),
        ceil_mode=True,
        out_indices=(4, )),
    decode_head=dict(
        type='mmseg_plugins.DilationHead',
        in_channels=128,
        in_index=0,
        num_classes=11,
        fc_channels=256,
        padding='same',
        norm_cfg=norm_cfg,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
