# MaskLab ablation on COCO, rung 1: direction logits only (8 directions).
# Paper (minival): mask AP50 / AP75 50.2 / 27.4.
#   tools/dist_train.sh configs/masklab/masklab_r101-direction_2x_coco.py 8
# Not yet measured here.
_base_ = './_base_/coco.py'

model = dict(roi_head=dict(mask_head=dict(semantic=False)))
