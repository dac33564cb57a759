# SOLOv2's light head, ResNet-50: two convolutions of 256 channels, 128 mask features,
# scale ranges for images of about 448 x 768.  The full head: solov2_r50.py.
_base_ = './solo_r50.py'

model = dict(
    type='SOLOv2',
    mask_head=dict(
        type='mmseg_plugins.SOLOV2Head',
        stacked_convs=2,
        feat_channels=256,
        scale_ranges=((1, 56), (28, 112), (56, 224), (112, 448), (224, 896)),
        mask_feature_head=dict(
            feat_channels=128,
            out_channels=128,
            start_level=0,
            end_level=3,
            mask_stride=4,
            norm_cfg=dict(type='GN', num_groups=32))))
