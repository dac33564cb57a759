# DeepLab v3 over ResNet-101 at output stride 16 by stock parts: torchvision's weights, the paper's rates inside the last
# stage (multi-grid 1, 2, 4 times 2), ASPP of 256 channels.
norm_cfg = dict(type='SyncBN', requires_grad=True)
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        size=(513, 513),
        pad_val=0,
        seg_pad_val=255,
        test_cfg=dict(size=(513, 513))),
    backbone=dict(
        type='mmseg_plugins.CascadeResNet',
        host='mmseg',
        extra_stages=0,
        multi_grid=(1, 2, 4),
        depth=101,
        strides=(1, 2, 2, 1),
        dilations=(1, 1, 1, 2),
        out_indices=(0, 3),
        norm_cfg=norm_cfg,
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet101')),
    decode_head=dict(
        type='ASPPHead',
        in_channels=2048,
        in_index=1,
        channels=256,
        dilations=(1, 6, 12, 18),
        dropout_ratio=0.1,
        num_classes=21,
        norm_cfg=norm_cfg,
        align_corners=True,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
