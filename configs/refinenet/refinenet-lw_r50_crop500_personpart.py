# Light-Weight RefineNet, ResNet-50, on PASCAL Person-Part: the schedule of the authors' training script, 3 x 100
# epochs of 1,716 images.  Released weights: 64.9 mIoU, one scale (the authors' README).
#   tools/dist_train.sh configs/refinenet/refinenet-lw_r50_crop500_personpart.py 1
# Not yet measured here.
_base_ = ['./_base_/refinenet-lw.py', '../_base_/datasets/personpart_semantic.py']

stage_iters = 28600
model = dict(decode_head=dict(num_classes=7))
train_dataloader = dict(batch_size=6, dataset=dict(pipeline={{_base_.recipe_pipeline}}))
train_cfg = dict(max_iters=3 * stage_iters)
param_scheduler = [
    dict(type='MultiStepLR', by_epoch=False, milestones=[stage_iters], gamma=0.5),
    dict(type='MultiStepLR', by_epoch=False, milestones=[2 * stage_iters], gamma=0.4),
]
