# ENet of the published width with CamVid's 11 classes: 0.36 M parameters.  Class weights
# 1 / ln(1.02 + p), p the share of a class in all pixels of the training set.

# ------------------------------------------------------------------ often changed
variant = 'paper'  # or 'port'
# enet_weights of ../../_base_/datasets/camvid_class_weights.py
class_weight = [
    5.79203, 4.44029, 34.0217, 3.4469, 15.9119, 9.02024, 32.0138, 32.4789, 13.2071, 38.3877, 44.1345
]

model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size=(360, 480)),
    backbone=dict(type='mmseg_plugins.WithImage', net=dict(type='mmseg_plugins.ENet', variant=variant)),
    decode_head=dict(
        type='mmseg_plugins.ENetHead',
        in_channels=[16, 64, 128, 16, 64, 3],
        variant=variant,
        num_classes=11,
        loss_decode=dict(
            type='mmseg_plugins.WeightedCrossEntropyLoss',
            class_weight=class_weight,
            normalizer='weights')),
    test_cfg=dict(mode='whole'))
