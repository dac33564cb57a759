# DeepLab over VGG-16 at stride 8: pools of 3 x 3, conv5 with dilation 2, the loss at stride 8, scores enlarged with
# aligned corners.  Learning rates: biases x2 without decay; the classifier x10, its bias x20.
# In the test images are padded with the mean color to 513 = 8 x 64 + 1 pixels, so that scores and pixels share corners.
# Weights: mmseg-plugins convert-weights vgg16-deeplab makes them from torchvision's vgg16, whose input is RGB / std.
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        size=(321, 321),
        pad_val=0,
        seg_pad_val=255,
        test_cfg=dict(size=(513, 513))),
    backbone=dict(
        type='mmseg_plugins.VGG',
        depth=16,
        pool_strides=(2, 2, 2, 1, 1),
        pool_kernel=3,
        ceil_mode=True,
        dilations=(1, 1, 1, 1, 2),
        out_indices=(4, )),
    decode_head=dict(
        type='mmseg_plugins.LargeFOVHead',
        in_channels=512,
        num_classes=21,
        dilations=(12, ),
        label_stride=8,
        align_corners=True,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
    init_cfg=dict(type='Pretrained', checkpoint='checkpoints/vgg16_largefov.pth'))
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=1e-3, momentum=0.9, weight_decay=5e-4),
    paramwise_cfg=dict(
        bias_lr_mult=2.0,
        bias_decay_mult=0.0,
        custom_keys={
            'decode_head.fc8': dict(lr_mult=10.0),
            'decode_head.fc8.0.bias': dict(lr_mult=20.0, decay_mult=0.0),
            'decode_head.fc8.1.bias': dict(lr_mult=20.0, decay_mult=0.0),
            'decode_head.fc8.2.bias': dict(lr_mult=20.0, decay_mult=0.0),
            'decode_head.fc8.3.bias': dict(lr_mult=20.0, decay_mult=0.0),
        }))
