# FCIS on PASCAL VOC with translation-invariant score maps, one group instead of 7 x 7: the paper's ablation.
# Paper: mAP^r 52.5 at IoU .5, 38.5 at .7.
#   tools/dist_train.sh configs/fcis/ablations/fcis_r101-dc5-random-k1_4xb1-62k_sbd.py 4
# Not yet measured here.
_base_ = '../_base_/sbd.py'

model = dict(roi_head=dict(group_size=1))
