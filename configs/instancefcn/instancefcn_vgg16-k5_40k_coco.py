# InstanceFCN on COCO, 5 x 5 positions.
# Paper (2014 split, first 5,000 validation images): average recall of masks at
# 10 / 100 / 1000 proposals 16.6 / 31.7 / 39.2.  Here: train2017, val2017.
#   tools/dist_train.sh configs/instancefcn/instancefcn_vgg16-k5_40k_coco.py 8
# Not yet measured here.
_base_ = './_base_/vgg16_voc.py'

data_root = 'data/coco/'
train_ann_file = 'annotations/instances_train2017.json'
val_ann_file = 'annotations/instances_val2017.json'
train_img_prefix = 'train2017/'
val_img_prefix = 'val2017/'
