# PANet ablation on COCO, rung 0: Mask R-CNN with the same pyramid, heads, norm and schedule, without any component.
# Paper (its own baseline, multi-scale training and synchronized BN): mask AP 35.7, box AP 38.9.
#   tools/dist_train.sh configs/panet/mask-rcnn_r50-gnfpn_2x_coco.py 8
# Not yet measured here.
_base_ = './_base_/coco.py'
