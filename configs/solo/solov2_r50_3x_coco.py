# SOLOv2, ResNet-50, 3x, six scales.
# Original's README, COCO val2017: mask AP 37.5.
#   tools/dist_train.sh configs/solo/solov2_r50_3x_coco.py 8
# Not yet measured here.
_base_ = [
    './_base_/solov2_r50.py',
    './_base_/coco_ms.py',
    './_base_/schedule-v2_3x.py',
    '../_base_/runtime/default_runtime.py',
]
