# PANet ablation on COCO, rung 1: + bottom-up path augmentation.
# Paper: mask AP 36.4, box AP 39.9.
#   tools/dist_train.sh configs/panet/panet_r50-path_2x_coco.py 8
# Not yet measured here.
_base_ = './_base_/coco.py'

model = dict(neck=dict(bottom_up=True))
