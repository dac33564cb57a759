# SOLOv2, ResNet-50, as in the original: SOLO's grids, another head.
_base_ = './solo_r50.py'

model = dict(
    type='SOLOv2',
    mask_head=dict(
        type='mmseg_plugins.SOLOV2Head',
        stacked_convs=4,
        feat_channels=512,
        mask_feature_head=dict(
            feat_channels=128,
            out_channels=256,
            start_level=0,
            end_level=3,
            mask_stride=4,
            norm_cfg=dict(type='GN', num_groups=32))))
