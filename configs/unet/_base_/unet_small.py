# U-Net's unpadded network at an eighth of its width, for two CPU cores: batch
# norm (without it, it does not train from scratch in the small budget), mirrored
# margins of 92 px also around training crops, which are too small to lose them.
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
        type='mmseg_plugins.MirrorMargin',
        margin=92,
        divisor=16,
        remainder=4,
        when='always',
        net=dict(type='mmseg_plugins.ValidUNet', base_channels=8, norm_cfg=norm_cfg)),
    decode_head=dict(
        type='mmseg_plugins.UNetHead',
        in_channels=8,
        in_index=0,
        num_classes=11,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
