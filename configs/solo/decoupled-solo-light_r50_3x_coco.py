# Decoupled light SOLO, ResNet-50, images of 512 x 852, 3x.
# Original's README, COCO val2017: mask AP 33.0.
#   tools/dist_train.sh configs/solo/decoupled-solo-light_r50_3x_coco.py 8
# Not yet measured here.
_base_ = [
    './_base_/solo_r50.py',
    './_base_/coco_ms-512.py',
    './_base_/schedule_3x.py',
    '../_base_/runtime/default_runtime.py',
]

model = dict(
    mask_head=dict(
        type='mmseg_plugins.DecoupledSOLOLightHead',
        stacked_convs=4,
        scale_ranges=((1, 64), (32, 128), (64, 256), (128, 512), (256, 2048))))
