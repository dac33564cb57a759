# MaskLab ablation on COCO, rung 2: semantic and direction logits.
# Paper (minival): mask AP50 / AP75 51.8 / 29.7.
#   tools/dist_train.sh configs/masklab/masklab_r101-both_2x_coco.py 8
# Not yet measured here.
_base_ = './_base_/coco.py'
