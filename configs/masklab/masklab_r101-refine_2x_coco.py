# MaskLab ablation on COCO, rung 4: 4 distance bins and refinement by the stem and res2.
# Paper (minival): mask AP50 / AP75 - / 33.9.
#   tools/dist_train.sh configs/masklab/masklab_r101-refine_2x_coco.py 8
# Not yet measured here.
_base_ = './_base_/coco.py'

model = dict(roi_head=dict(mask_head=dict(num_distances=4, refine={{_base_.hypercolumn}})))
