# Mixing: panoptic Mask2Former whose pixel decoder reads PANet's bottom-up path.
#   tools/dist_train.sh configs/mask2former/mask2former_r50-panetfpn-panoptic_8xb2-lsj-50e_coco.py 8
# Not yet measured here.
_base_ = './_base_/coco-panoptic.py'

model = dict(
    neck=dict(
        type='mmseg_plugins.PANetFPN',
        in_channels=[256, 512, 1024, 2048],
        out_channels=256,
        num_outs=4,  # strides 4..32, which the pixel decoder is set to
        norm_cfg=dict(type='GN', num_groups=32)),
    panoptic_head=dict(in_channels=[256, 256, 256, 256]))
