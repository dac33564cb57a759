# SOLOv2 light, ResNet-34, images of 448 x 768, 3x.
# Original's README, COCO val2017: mask AP 32.0.
#   tools/dist_train.sh configs/solo/solov2-light_r34-448_3x_coco.py 8
# Not yet measured here.
_base_ = [
    './_base_/solov2-light_r50.py',
    './_base_/coco_ms-448.py',
    './_base_/schedule-v2_3x.py',
    '../_base_/runtime/default_runtime.py',
]

model = dict(
    backbone=dict(depth=34, init_cfg=dict(checkpoint='torchvision://resnet34')),
    neck=dict(in_channels=[64, 128, 256, 512]))
