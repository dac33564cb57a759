# Light-Weight RefineNet, ResNet-50, on NYU Depth v2 with 40 classes: the authors' training script, 3 x 100 epochs.
# Paper 41.7 mIoU, the script about 42.4 (the authors' README), one scale.
#   tools/dist_train.sh configs/refinenet/refinenet-lw_r50_crop500_nyudv2.py 1
# Not yet measured here.
_base_ = ['./_base_/refinenet-lw.py', '../_base_/datasets/nyudv2_semantic.py']

stage_iters = 13200
model = dict(decode_head=dict(num_classes=40))
train_dataloader = dict(batch_size=6, dataset=dict(pipeline={{_base_.recipe_pipeline}}))
train_cfg = dict(max_iters=3 * stage_iters)
param_scheduler = [
    dict(type='MultiStepLR', by_epoch=False, milestones=[stage_iters], gamma=0.5),
    dict(type='MultiStepLR', by_epoch=False, milestones=[2 * stage_iters], gamma=0.4),
]
