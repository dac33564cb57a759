# RefineNet, ResNet-101, on NYU Depth v2 with 40 classes (colors only), after the authors' training code.
# Paper: 46.5 mIoU with ResNet-152 and several scales.
#   tools/dist_train.sh configs/refinenet/refinenet_r101_crop400_nyudv2.py 1
# Not yet measured here.
_base_ = ['./_base_/refinenet.py', '../_base_/datasets/nyudv2_semantic.py']

max_iters = 100000  # 100 of the original's epochs of at least 1,000 images
lower_lr_at = 70000
model = dict(decode_head=dict(num_classes=40))
train_dataloader = dict(dataset=dict(pipeline={{_base_.recipe_pipeline}}))
train_cfg = dict(max_iters=max_iters)
param_scheduler = [dict(type='MultiStepLR', by_epoch=False, milestones=[lower_lr_at], gamma=0.1)]
