# MaskLab ablation on COCO, rung 3: semantic and direction logits, 4 distance bins.
# Paper (minival): mask AP50 / AP75 52.3 / 30.6.
#   tools/dist_train.sh configs/masklab/masklab_r101-distance_2x_coco.py 8
# Not yet measured here.
_base_ = './_base_/coco.py'

model = dict(roi_head=dict(mask_head=dict(num_distances=4)))
