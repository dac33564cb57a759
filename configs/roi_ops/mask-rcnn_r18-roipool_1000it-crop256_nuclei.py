# RoI operators on cell nuclei: RoIPool, maximum over whole pixels.
#   python tools/train.py configs/roi_ops/mask-rcnn_r18-roipool_1000it-crop256_nuclei.py
# Measured numbers: configs/roi_ops/README.md.
_base_ = './_base_/nuclei.py'

roi_layer = dict(_delete_=True, type='mmseg_plugins.RoIPool')
model = dict(
    roi_head=dict(
        bbox_roi_extractor=dict(roi_layer=dict(output_size=7, **roi_layer)),
        mask_roi_extractor=dict(roi_layer=dict(output_size=14, **roi_layer))))
