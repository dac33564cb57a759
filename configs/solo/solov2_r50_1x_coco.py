# SOLOv2, ResNet-50, 1x.
# Original's README, COCO val2017: mask AP 34.8.
#   tools/dist_train.sh configs/solo/solov2_r50_1x_coco.py 8
# Not yet measured here.
_base_ = [
    './_base_/solov2_r50.py',
    '../_base_/datasets/coco_instance.py',
    './_base_/schedule-v2_1x.py',
    '../_base_/runtime/default_runtime.py',
]
