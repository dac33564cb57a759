# MaskLab ablation on COCO, rung 0: semantic logits only.
# Paper (minival): mask AP50 / AP75 48.4 / 24.4.
#   tools/dist_train.sh configs/masklab/masklab_r101-semantic_2x_coco.py 8
# Not yet measured here.
_base_ = './_base_/coco.py'

model = dict(roi_head=dict(mask_head=dict(direction=False)))
