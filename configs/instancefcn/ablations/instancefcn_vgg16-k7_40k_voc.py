# InstanceFCN on PASCAL VOC 2012, 7 x 7 positions.
# Paper: average recall of masks at 10 / 100 / 1000 proposals 38.8 / 49.7 / 52.7.
#   tools/dist_train.sh configs/instancefcn/ablations/instancefcn_vgg16-k7_40k_voc.py 8
# Not yet measured here.
_base_ = '../_base_/vgg16_voc.py'

positions = 7
model = dict(mask_head=dict(positions=positions))
