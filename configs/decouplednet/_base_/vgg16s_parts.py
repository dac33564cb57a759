# Parts for six classes, the published network in small, from scratch: VGG16 with two convolutions a stage.
channels = (16, 32, 48, 64)  # of the four stages
fc_channels = 128
fc_kernel = 5  # cells of 8 x 8: 4 x 4 scores, as in the original

data_preprocessor = dict(
    type='SegDataPreProcessor',
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    bgr_to_rgb=True,
    pad_val=0,
    seg_pad_val=255,
    size=(128, 128))
encoder = dict(type='mmseg_plugins.SegNetEncoder', convs=(2, 2, 2, 2), channels=channels)
classifier = dict(
    type='mmseg_plugins.MultiLabelHead',
    in_channels=channels[-1],
    in_index=3,
    num_classes=6,
    fc_channels=fc_channels,
    fc_kernel=fc_kernel,
    dropout=0.2)
