# FCIS on PASCAL VOC with separate score maps for class and mask: the paper's ablation of the joint formulation.
# Paper: mAP^r 63.9 at IoU .5, 49.7 at .7.
#   tools/dist_train.sh configs/fcis/ablations/fcis_r101-dc5-random-separate_4xb1-62k_sbd.py 4
# Not yet measured here.
_base_ = '../_base_/sbd.py'

model = dict(roi_head=dict(separate_maps=True))
