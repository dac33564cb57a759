# RoI operators on COCO, ResNet-50-C4: RoIWarp, rounded box, bilinear samples, maximum of four.
# Paper: mask AP 27.2 (from memory of its table 2c, not verified).
#   tools/dist_train.sh configs/roi_ops/mask-rcnn_r50-roiwarp-c4_160k_coco.py 8
# Not yet measured here.
_base_ = './_base_/coco.py'

roi_layer = dict(_delete_=True, type='mmseg_plugins.RoIWarp', max_pool=2, output_size=14)
model = dict(roi_head=dict(bbox_roi_extractor=dict(roi_layer=roi_layer)))
