# Mask2Former on cell nuclei, instances; the pixel decoder reads PANet's bottom-up path.
#   python tools/train.py configs/mask2former/mask2former_r18-panetfpn-instance_1000it-crop256_nuclei.py
# Not yet measured here.
_base_ = ['./_base_/nuclei.py', '../_base_/schedules/small_1000it.py']

model = dict(
    neck=dict(
        type='mmseg_plugins.PANetFPN',
        in_channels=[32, 64, 128, 256],
        out_channels={{_base_.width}},
        num_outs=4,  # strides 4..32, which the pixel decoder is set to
        norm_cfg=dict(type='GN', num_groups=16)),
    panoptic_head=dict(in_channels=[{{_base_.width}}] * 4))
