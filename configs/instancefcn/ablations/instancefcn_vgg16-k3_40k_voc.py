# InstanceFCN on PASCAL VOC 2012, 3 x 3 positions.
# Paper: average recall of masks at 10 / 100 / 1000 proposals 38.3 / 49.2 / 52.1.
#   tools/dist_train.sh configs/instancefcn/ablations/instancefcn_vgg16-k3_40k_voc.py 8
# Not yet measured here.
_base_ = '../_base_/vgg16_voc.py'

positions = 3
model = dict(mask_head=dict(positions=positions))
