# DecoupledNet on PASCAL VOC, stage 2, from all 10,582 label maps; 17,500 steps of 64 windows, after stage 1.
#   python tools/train.py configs/decouplednet/decouplednet_vgg16-all-masks_17500it-crop320_voc.py
# Paper row: VOC 2012 test, mIoU 66.6 (README of the original).  Not yet measured here.
_base_ = './_base_/voc_decoder.py'
