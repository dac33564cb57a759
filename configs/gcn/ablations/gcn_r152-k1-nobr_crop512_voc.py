# Global convolutional network, ResNet-152, 1 x 1 convolutions without boundary refinement: the baseline, on PASCAL
# VOC 2012.
# Paper, val, trained on VOC and SBD: 69.0 mIoU (kernels of 3, 5, 7, 9, 11, 13: 70.1, 71.1, 72.8, 73.4, 73.7, 74.0;
# --cfg-options model.decode_head.kernel_size=...).
#   tools/dist_train.sh configs/gcn/ablations/gcn_r152-k1-nobr_crop512_voc.py 1
# Not yet measured here.
_base_ = '../_base_/voc.py'

model = dict(decode_head=dict(kernel_size=1, boundary_refinement=False))
