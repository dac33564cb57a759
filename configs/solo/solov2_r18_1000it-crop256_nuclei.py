# SOLOv2, a ResNet-18 of half the width, from scratch on cell nuclei.
#   python tools/train.py configs/solo/solov2_r18_1000it-crop256_nuclei.py
# Measured numbers: configs/solo/README.md.
_base_ = ['./_base_/nuclei.py', '../_base_/schedules/small_1000it.py']

model = dict(
    mask_head=dict(
        type='mmseg_plugins.SOLOV2Head',
        stacked_convs=3,
        mask_feature_head=dict(
            feat_channels=64,
            out_channels=64,
            start_level=0,
            end_level=3,
            mask_stride=2,
            norm_cfg=dict(type='GN', num_groups=16))))
