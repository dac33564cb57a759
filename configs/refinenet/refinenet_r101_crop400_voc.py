# RefineNet, ResNet-101, on PASCAL VOC 2012, after the authors' training code.
# Released weights of this network: 80.5 mIoU on val, one scale (README of the port); paper: 83.4 on test with
# ResNet-152, COCO and several scales.  mmseg-plugins convert-weights refinenet-drsleep converts to this config.
#   tools/dist_train.sh configs/refinenet/refinenet_r101_crop400_voc.py 1
# Not yet measured here.
_base_ = ['./_base_/refinenet.py', '../_base_/datasets/voc12aug_semantic.py']

train_dataloader = dict(dataset=dict(pipeline={{_base_.recipe_pipeline}}))
