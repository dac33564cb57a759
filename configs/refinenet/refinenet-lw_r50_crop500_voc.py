# Light-Weight RefineNet, ResNet-50, on PASCAL VOC 2012, after the authors' training scripts.
# Released weights: 78.5 mIoU on val, one scale (the authors' README).
#   tools/dist_train.sh configs/refinenet/refinenet-lw_r50_crop500_voc.py 1
# Not yet measured here.
_base_ = ['./_base_/refinenet-lw.py', '../_base_/datasets/voc12aug_semantic.py', '../_base_/semantic_runtime.py']

stage_iters = 20000
train_dataloader = dict(batch_size=6, dataset=dict(pipeline={{_base_.recipe_pipeline}}))
train_cfg = dict(max_iters=3 * stage_iters)
param_scheduler = [
    dict(type='MultiStepLR', by_epoch=False, milestones=[stage_iters], gamma=0.5),
    dict(type='MultiStepLR', by_epoch=False, milestones=[2 * stage_iters], gamma=0.4),
]
