# DeepLab v2 over ResNet-101 at stride 8: Caffe's ResNet with frozen batch norms, four dilated classifiers that are
# added, three scales fused by maximum with four losses at stride 8.  Learning rates: the classifiers x10, their
# biases x20 without decay.  Images are padded with the mean color to 513 = 8 x 64 + 1 pixels in the test.
# Weights: mmseg-plugins convert-weights deeplabv2-kazuto1011-backbone makes them from the released COCO start.
model = dict(
    type='mmseg_plugins.MultiScaleEncoderDecoder',
    scales=(1.0, 0.75, 0.5),
    own_grids=(0.5, ),
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[104.008, 116.669, 122.675],  # BGR, 0 .. 255
        std=[1.0, 1.0, 1.0],
        size=(321, 321),
        pad_val=0,
        seg_pad_val=255,
        test_cfg=dict(size=(513, 513))),
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
        norm_eval=True,
        init_cfg=dict(type='Pretrained', checkpoint='checkpoints/deeplabv2_r101_coco.pth', prefix='backbone.')),
    decode_head=dict(
        type='mmseg_plugins.DeepLabV2Head',
        in_channels=2048,
        in_index=0,
        num_classes=21,
        dilations=(6, 12, 18, 24),
        label_stride=8,
        align_corners=True,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=2.5e-4, momentum=0.9, weight_decay=5e-4),
    paramwise_cfg=dict(
        custom_keys={
            'decode_head.branches': dict(lr_mult=10.0),
            'decode_head.branches.0.bias': dict(lr_mult=20.0, decay_mult=0.0),
            'decode_head.branches.1.bias': dict(lr_mult=20.0, decay_mult=0.0),
            'decode_head.branches.2.bias': dict(lr_mult=20.0, decay_mult=0.0),
            'decode_head.branches.3.bias': dict(lr_mult=20.0, decay_mult=0.0),
        }))
