# AdvSemiSeg over DeepLab v2 as released: ResNet-101 at stride 8 (Caffe's, the stem's pool rounds up), four dilated
# classifiers that are added, one scale.  Scales and shifts of its norms are fixed, their statistics those of the batch.
# Weights: mmseg-plugins convert-weights deeplabv2-kazuto1011-backbone makes them from the COCO start.
model = dict(
    type='mmseg_plugins.AdvSemiSeg',
    lambda_adv=0.01,
    lambda_semi_adv=0.001,
    lambda_semi=0.1,
    threshold=0.2,
    semi_start=5000,
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[104.00698793, 116.66876762, 122.67891434],  # BGR, 0 .. 255
        std=[1.0, 1.0, 1.0],
        size=(321, 321),
        pad_val=0,
        seg_pad_val=255),
    backbone=dict(
        type='mmseg_plugins.CeilPoolResNet',
        host='mmseg',
        pool_padding=1,
        depth=101,
        strides=(1, 2, 1, 1),
        dilations=(1, 1, 2, 4),
        out_indices=(3, ),
        style='caffe',
        norm_cfg=dict(type='BN', requires_grad=False),
        norm_eval=False,
        init_cfg=dict(type='Pretrained', checkpoint='checkpoints/deeplabv2_r101_coco.pth', prefix='backbone.')),
    decode_head=dict(
        type='mmseg_plugins.DeepLabV2Head',
        in_channels=2048,
        in_index=0,
        num_classes=21,
        dilations=(6, 12, 18, 24),
        align_corners=True,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
optim_wrapper = dict(
    constructor='mmseg_plugins.OptimizerPerPart',
    segmentor=dict(
        type='OptimWrapper',
        optimizer=dict(type='SGD', lr=2.5e-4, momentum=0.9, weight_decay=5e-4),
        paramwise_cfg=dict(custom_keys={'decode_head': dict(lr_mult=10.0)})),
    discriminator=dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.99))))
