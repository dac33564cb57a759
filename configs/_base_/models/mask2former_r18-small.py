# Mask2Former cut down for two CPU cores: ResNet-18 of half the width, 64
# channels, one encoder layer a level and one decoder round over the three
# levels (stock: 6 and 9 layers), 1,024 loss points (stock: 12,544).  Trained
# from scratch with batch norm.  Instances; panoptic and semantic differ below.
width = 64  # channels of pixel decoder and queries
base_channels = 32  # of the first backbone stage; doubles with each stage
num_heads = 4
num_queries = 50  # an image has at most so many instances
num_points = 1024  # of each mask on which matching and loss are computed
encoder_layers = 3
decoder_layers = 3  # a multiple of the three levels that take turns
num_things = 5

attention = dict(embed_dims=width, num_heads=num_heads, dropout=0.0, batch_first=True)
position = dict(num_feats=width // 2, normalize=True)
model = dict(
    type='Mask2Former',
    data_preprocessor=dict(
        type='DetDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_size_divisor=1,  # crops are never padded in training, so images must not be in tests
        pad_mask=True,
        mask_pad_value=0,
        pad_seg=True,
        seg_pad_value=255),
    backbone=dict(
        type='ResNet',
        depth=18,
        base_channels=base_channels,
        frozen_stages=-1,
        norm_cfg=dict(type='BN'),
        norm_eval=False,
        init_cfg=None),
    panoptic_head=dict(
        type='Mask2FormerHead',
        in_channels=[base_channels * 2**i for i in range(4)],
        feat_channels=width,
        out_channels=width,
        num_things_classes=num_things,
        num_stuff_classes=0,
        num_queries=num_queries,
        num_transformer_feat_level=3,
        pixel_decoder=dict(
            type='mmdet.MSDeformAttnPixelDecoder',
            strides=[4, 8, 16, 32],  # here and not in the head, whose own "strides" of the stock configs are not read
            num_outs=3,
            norm_cfg=dict(type='GN', num_groups=16),
            act_cfg=dict(type='ReLU'),
            encoder=dict(
                num_layers=encoder_layers,
                layer_cfg=dict(
                    self_attn_cfg=dict(num_levels=3, num_points=4, **attention),
                    ffn_cfg=dict(embed_dims=width, feedforward_channels=4 * width, num_fcs=2, ffn_drop=0.0))),
            positional_encoding=position),
        positional_encoding=position,
        transformer_decoder=dict(
            return_intermediate=True,
            num_layers=decoder_layers,
            layer_cfg=dict(
                self_attn_cfg=attention,
                cross_attn_cfg=attention,
                ffn_cfg=dict(embed_dims=width, feedforward_channels=4 * width, num_fcs=2, ffn_drop=0.0)),
            init_cfg=None),
        loss_cls=dict(
            type='mmdet.CrossEntropyLoss', loss_weight=2.0, class_weight=[1.0] * num_things + [0.1]),
        loss_mask=dict(type='mmdet.CrossEntropyLoss', use_sigmoid=True, loss_weight=5.0),
        loss_dice=dict(type='mmdet.DiceLoss', naive_dice=True, eps=1.0, loss_weight=5.0)),
    panoptic_fusion_head=dict(
        type='MaskFormerFusionHead', num_things_classes=num_things, num_stuff_classes=0, loss_panoptic=None),
    train_cfg=dict(
        num_points=num_points,
        oversample_ratio=3.0,
        importance_sample_ratio=0.75,
        assigner=dict(
            type='mmdet.HungarianAssigner',
            match_costs=[
                dict(type='mmdet.ClassificationCost', weight=2.0),
                dict(type='mmdet.CrossEntropyLossCost', weight=5.0, use_sigmoid=True),
                dict(type='mmdet.DiceCost', weight=5.0, pred_act=True, eps=1.0),
            ]),
        sampler=dict(type='mmdet.MaskPseudoSampler')),
    test_cfg=dict(
        panoptic_on=False,
        semantic_on=False,
        instance_on=True,
        max_per_image=100,
        iou_thr=0.8,
        filter_low_score=True))
