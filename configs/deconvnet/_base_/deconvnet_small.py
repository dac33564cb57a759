# DeconvNet for two CPU cores: VGG16 and its mirror at three sixteenths of the width (12
# to 96 channels, fc6 and fc7 with 256; at a quarter a step costs a fifth more than the
# common budget has), from scratch.  Images are cut into six overlapping
# windows of 224 x 224 (360 x 480: two rows 136 apart, three columns 128 apart) whose
# scores are averaged.  Its batch norm statistics are averages over the training set.
width = 12
fc_channels = 256
side = 224

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
        size=(side, side)),
    backbone=dict(
        type='mmseg_plugins.DeconvNetEncoder', channels=(one, two, three, four, four), fc_channels=fc_channels),
    decode_head=dict(
        type='mmseg_plugins.DeconvNetHead',
        in_channels=[fc_channels, one, two, three, four, four],
        widths=((four, four, four), (four, four, three), (three, three, two), (two, one), (one, one)),
        num_classes=11,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)),
    test_cfg=dict(mode='slide', crop_size=(side, side), stride=(136, 128)))
custom_hooks = [dict(type='mmseg_plugins.PreciseBNHook')]
