# LinkNet for two CPU cores: ResNet-18 of half the width (32 to 256 channels), from
# scratch; blocks and tail as in the original.  The leaf gives the class weights.
width = 32

norm_cfg = dict(type='BN', requires_grad=True)
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
        type='mmseg_plugins.TapBackbone',
        taps=['maxpool'],
        net=dict(
            type='mmseg.ResNet',
            depth=18,
            stem_channels=width,
            base_channels=width,
            norm_cfg=norm_cfg,
            norm_eval=False)),
    decode_head=dict(
        type='mmseg_plugins.LinkNetHead',
        in_channels=[width, width, 2 * width, 4 * width, 8 * width],
        num_classes=11,
        norm_cfg=norm_cfg,
        loss_decode=dict(type='mmseg_plugins.WeightedCrossEntropyLoss', normalizer='weights')),
    test_cfg=dict(mode='whole'))
