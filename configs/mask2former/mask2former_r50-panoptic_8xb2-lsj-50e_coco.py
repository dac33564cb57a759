# Mask2Former on COCO panoptic as in mmdet, read and evaluated by this project's own steps.
# Paper: PQ 51.9.  mmdet's table: PQ 52.0, mask AP 41.8.
#   tools/dist_train.sh configs/mask2former/mask2former_r50-panoptic_8xb2-lsj-50e_coco.py 8
# Not yet measured here.
_base_ = './_base_/coco-panoptic.py'
