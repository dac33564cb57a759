# RoI operators on generated shapes: CropAndResize, a grid of samples that touches the box.
#   python tools/train.py configs/roi_ops/mask-rcnn_r18-crop_1500it_shapes.py
# Not yet measured here.
_base_ = './_base_/shapes.py'

roi_layer = dict(_delete_=True, type='mmseg_plugins.CropAndResize')
model = dict(
    roi_head=dict(
        bbox_roi_extractor=dict(roi_layer=dict(output_size=7, **roi_layer)),
        mask_roi_extractor=dict(roi_layer=dict(output_size=14, **roi_layer))))
