# Decoupled SOLO, ResNet-101, 3x, six scales (mmdet has no such config).
# Original's README, COCO val2017: mask AP 37.9.
#   tools/dist_train.sh configs/solo/decoupled-solo_r101_3x_coco.py 8
# Not yet measured here.
_base_ = [
    './_base_/solo_r50.py',
    './_base_/coco_ms.py',
    './_base_/schedule_3x.py',
    '../_base_/runtime/default_runtime.py',
]

model = dict(
    backbone=dict(depth=101, init_cfg=dict(checkpoint='torchvision://resnet101')),
    mask_head=dict(type='mmseg_plugins.DecoupledSOLOHead'))
