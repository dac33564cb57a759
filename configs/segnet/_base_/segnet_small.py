# SegNet for two CPU cores: VGG16 and its mirror at a quarter of the width (16 to 128
# channels), from scratch.  Its own loss and its own batch norm statistics are kept; the
# pixels are those of the common small setting.
width = 16
class_weight = [0.2595, 0.1826, 4.5640, 0.1417, 0.9051, 0.3826, 9.6446, 1.8418, 0.6823, 6.2478, 7.3614]  # published

one, two, three, four = width, 2 * width, 4 * width, 8 * width
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
        net=dict(type='mmseg_plugins.SegNetEncoder', channels=(one, two, three, four, four))),
    decode_head=dict(
        type='mmseg_plugins.SegNetHead',
        in_channels=[four, one, two, three, four, four, 3],
        widths=((four, four, four), (four, four, three), (three, three, two), (two, one), (one, )),
        num_classes=11,
        loss_decode=dict(
            type='mmseg_plugins.WeightedCrossEntropyLoss', class_weight=class_weight, normalizer='valid')),
    test_cfg=dict(mode='whole'))
custom_hooks = [dict(type='mmseg_plugins.PreciseBNHook')]
