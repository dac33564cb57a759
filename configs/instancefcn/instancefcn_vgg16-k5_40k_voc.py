# InstanceFCN on PASCAL VOC 2012, 5 x 5 positions.
# Paper: average recall of masks at 10 / 100 / 1000 proposals 38.9 / 49.7 / 52.6.
#   tools/dist_train.sh configs/instancefcn/instancefcn_vgg16-k5_40k_voc.py 8
# Not yet measured here.
_base_ = './_base_/vgg16_voc.py'
