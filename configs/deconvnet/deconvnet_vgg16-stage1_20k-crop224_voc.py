# DeconvNet on PASCAL VOC, stage 1: one object in the middle of each crop, all other
# classes taken for background; 20,000 steps of 64 crops, 8 on each of 8 GPUs (on one:
# --cfg-options optim_wrapper.accumulative_counts=8 and all iterations times 8).
#   mmseg-plugins convert-weights vgg16-deconvnet vgg16-397923af.pth checkpoints/vgg16_deconvnet.pth
#   tools/dist_train.sh configs/deconvnet/deconvnet_vgg16-stage1_20k-crop224_voc.py 8
# Not yet measured here.
_base_ = './_base_/deconvnet_voc.py'
