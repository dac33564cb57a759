# FCIS, the paper's setting on COCO: ResNet-101, OHEM.  Paper: mask AP 29.2, AP50 49.5 (test-dev).
#   tools/dist_train.sh configs/fcis/fcis_r101-dc5_8xb1-240k_coco.py 8
# Not yet measured here.
_base_ = './_base_/coco.py'
