# RoI operators on COCO, ResNet-50-C4: PrRoIPool, exact mean of the bilinear surface.
# Not in the paper's table.
#   tools/dist_train.sh configs/roi_ops/mask-rcnn_r50-prroi-c4_160k_coco.py 8
# Not yet measured here.
_base_ = './_base_/coco.py'

roi_layer = dict(_delete_=True, type='mmseg_plugins.PrRoIPool', output_size=14)
model = dict(roi_head=dict(bbox_roi_extractor=dict(roi_layer=roi_layer)))
