# RoI operators on generated shapes: RoIAlign, unrounded box, mean of bilinear samples.
#   python tools/train.py configs/roi_ops/mask-rcnn_r18-roialign_1500it_shapes.py
# Measured numbers: configs/roi_ops/README.md.
_base_ = './_base_/shapes.py'

# mmcv's RoIAlign to the last digit, several times faster on a CPU
roi_layer = dict(_delete_=True, type='mmseg_plugins.RoIAlign', sampling_ratio=1)
model = dict(
    roi_head=dict(
        bbox_roi_extractor=dict(roi_layer=dict(output_size=7, **roi_layer)),
        mask_roi_extractor=dict(roi_layer=dict(output_size=14, **roi_layer))))
