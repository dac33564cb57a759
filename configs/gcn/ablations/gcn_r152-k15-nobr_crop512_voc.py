# Global convolutional network, ResNet-152, kernels of 15 without boundary refinement, on PASCAL VOC 2012.
# Paper, val, trained on VOC and SBD: 74.5 mIoU.
#   tools/dist_train.sh configs/gcn/ablations/gcn_r152-k15-nobr_crop512_voc.py 1
# Not yet measured here.
_base_ = '../_base_/voc.py'

model = dict(decode_head=dict(boundary_refinement=False))
