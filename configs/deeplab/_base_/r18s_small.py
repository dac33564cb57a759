# DeepLab v2 over ResNet-18 for two CPU cores: half the channels, stride 8, from scratch with batch norm in training
# (the published net freezes it, and starts from COCO).  The stem's pool rounds down: crops of 224 are no 8k + 1.
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
        type='mmseg.ResNet',
        depth=18,
        stem_channels=32,
        base_channels=32,
        strides=(1, 2, 1, 1),
        dilations=(1, 1, 2, 4),
        out_indices=(3, ),
        norm_cfg=dict(type='BN')),
    decode_head=dict(
        type='mmseg_plugins.DeepLabV2Head',
        in_channels=256,
        num_classes=11,
        dilations=(6, 12, 18, 24),
        label_stride=8,
        align_corners=True,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
