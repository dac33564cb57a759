# Global convolutional network, ResNet-152, kernels of 7 and bilinear upsampling as in the PyTorch port, on PASCAL VOC
# 2012.
# mmseg-plugins convert-weights gcn-zijundeng converts its weights to this config.
#   tools/dist_train.sh configs/gcn/ablations/gcn_r152-k7-bilinear_crop512_voc.py 1
# Not yet measured here.
_base_ = '../_base_/voc.py'

model = dict(decode_head=dict(kernel_size=7, upsample_method='bilinear'))
