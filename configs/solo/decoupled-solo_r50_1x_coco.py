# Decoupled SOLO, ResNet-50, 1x.
# Original's README, COCO val2017: mask AP 33.9.
#   tools/dist_train.sh configs/solo/decoupled-solo_r50_1x_coco.py 8
# Not yet measured here.
_base_ = [
    './_base_/solo_r50.py',
    '../_base_/datasets/coco_instance.py',
    './_base_/schedule_1x.py',
    '../_base_/runtime/default_runtime.py',
]

model = dict(mask_head=dict(type='mmseg_plugins.DecoupledSOLOHead'))
