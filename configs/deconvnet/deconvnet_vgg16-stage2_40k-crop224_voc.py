# DeconvNet on PASCAL VOC, stage 2, from stage 1's result: crops that overlap an object
# by one half at least, with all classes in them; 40,000 steps of 64 crops.
#   tools/dist_train.sh configs/deconvnet/deconvnet_vgg16-stage2_40k-crop224_voc.py 8
# Paper row: DeconvNet, VOC 2012 test.  Not yet measured here.
_base_ = './_base_/deconvnet_voc.py'

load_from = 'work_dirs/deconvnet_vgg16-stage1_20k-crop224_voc/iter_20000.pth'
custom_hooks = [
    dict(
        type='mmseg_plugins.LoadFromCheckHook',
        made_by='tools/dist_train.sh configs/deconvnet/deconvnet_vgg16-stage1_20k-crop224_voc.py 8')
]
max_iters = 40000
milestones = [10000, 20000, 30000]
around_object = dict(type='mmseg_plugins.CropAroundObject', margin=1.2, background=(0, ), min_iou=0.5)

model = dict(backbone=dict(init_cfg=None))
train_dataloader = dict(dataset=dict(pipeline=[*_base_.load, around_object, *_base_.cut]))
train_cfg = dict(max_iters=max_iters)
param_scheduler = [dict(type='MultiStepLR', by_epoch=False, milestones=milestones, gamma=0.1)]
