# Light-Weight RefineNet, ResNet-152, on PASCAL VOC 2012, after the authors' training scripts.
# Released weights: 82.1 mIoU on val, one scale (the authors' README).
#   tools/dist_train.sh configs/refinenet/refinenet-lw_r152_crop500_voc.py 1
# Not yet measured here.
_base_ = ['./_base_/refinenet-lw.py', '../_base_/datasets/voc12aug_semantic.py']

model = dict(
    backbone=dict(depth=152, init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet152')))
train_dataloader = dict(batch_size=6, dataset=dict(pipeline={{_base_.recipe_pipeline}}))
