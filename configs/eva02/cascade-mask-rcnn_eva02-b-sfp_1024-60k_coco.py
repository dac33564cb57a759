# EVA-02-B in Cascade Mask R-CNN on COCO, squares of 1024 px, windows of 16 tokens.
# Original, COCO val: box AP 55.5, mask AP 47.1.
#   tools/dist_train.sh configs/eva02/cascade-mask-rcnn_eva02-b-sfp_1024-60k_coco.py 8
# Not yet measured here.
_base_ = './_base_/coco.py'
