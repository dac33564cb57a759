# EVA-02-B in UperNet on ADE20K, crops of 512 px, a batch of 32.
# Original, ADE20K val, one scale: mIoU 55.3.
#   tools/dist_train.sh configs/eva02/upernet_eva02-b_512-60k_ade20k.py 8
# Not yet measured here.
_base_ = './_base_/ade20k.py'
