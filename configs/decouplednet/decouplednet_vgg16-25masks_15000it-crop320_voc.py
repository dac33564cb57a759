# DecoupledNet on PASCAL VOC, stage 2, with 25 masks for each class; 15,000 steps of 64 windows, after stage 1.
#   mmseg-plugins few-labels decouplednet_vgg16-all-masks_17500it-crop320_voc --per-class 25 \
#       --out-file data/VOCdevkit/VOC2012/ImageSets/Segmentation/few_25.txt
#   python tools/train.py configs/decouplednet/decouplednet_vgg16-25masks_15000it-crop320_voc.py
# Paper row: VOC 2012 test, mIoU 62.5 (README of the original).  Not yet measured here.
_base_ = './_base_/voc_decoder.py'

steps = 15000
rate_falls_at = [10000]
accumulated = 16

train_dataloader = dict(dataset=dict(ann_file='ImageSets/Segmentation/few_25.txt'))
param_scheduler = [
    dict(type='MultiStepLR', by_epoch=False, milestones=[step * accumulated for step in rate_falls_at], gamma=0.1)
]
train_cfg = dict(max_iters=steps * accumulated)
