# RoI operators on generated shapes: PSRoIPool, each quarter of a box averaged from channels of its own (R-FCN's and
# FCIS's pooling), a quarter of the channels after it.
#   python tools/train.py configs/roi_ops/mask-rcnn_r18-psroi_1500it_shapes.py
# Not yet measured here.
_base_ = './_base_/shapes.py'

# ------------------------------------------------------------------ often changed
group_size = 2  # a side; the pyramid's width is out_channels * group_size ** 2
out_channels = 16

roi_layer = dict(_delete_=True, type='mmseg_plugins.PSRoIPool', group_size=group_size)
model = dict(
    roi_head=dict(
        bbox_roi_extractor=dict(roi_layer=dict(output_size=7, **roi_layer), out_channels=out_channels),
        bbox_head=dict(in_channels=out_channels),
        mask_roi_extractor=dict(roi_layer=dict(output_size=14, **roi_layer), out_channels=out_channels),
        mask_head=dict(in_channels=out_channels)))
