# RoI operators on COCO, ResNet-50-C4: RoIPool, maximum over whole pixels.
# Paper: mask AP 26.9 (from memory of its table 2c, not verified).
#   tools/dist_train.sh configs/roi_ops/mask-rcnn_r50-roipool-c4_160k_coco.py 8
# Not yet measured here.
_base_ = './_base_/coco.py'

roi_layer = dict(_delete_=True, type='mmseg_plugins.RoIPool', output_size=14)
model = dict(roi_head=dict(bbox_roi_extractor=dict(roi_layer=roi_layer)))
