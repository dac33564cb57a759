# RoI operators on COCO, ResNet-50-C4: RoIAlign, unrounded box, mean of bilinear samples.
# Paper: mask AP 30.3 (from memory of its table 2c, not verified).
#   tools/dist_train.sh configs/roi_ops/mask-rcnn_r50-roialign-c4_160k_coco.py 8
# Not yet measured here.
_base_ = './_base_/coco.py'
