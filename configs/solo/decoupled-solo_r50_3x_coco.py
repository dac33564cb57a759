# Decoupled SOLO, ResNet-50, 3x, six scales.
# Original's README, COCO val2017: mask AP 36.4.
#   tools/dist_train.sh configs/solo/decoupled-solo_r50_3x_coco.py 8
# Not yet measured here.
_base_ = [
    './_base_/solo_r50.py',
    './_base_/coco_ms.py',
    './_base_/schedule_3x.py',
    '../_base_/runtime/default_runtime.py',
]

model = dict(mask_head=dict(type='mmseg_plugins.DecoupledSOLOHead'))
