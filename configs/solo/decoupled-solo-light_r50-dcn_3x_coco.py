# Decoupled light SOLO with deformable convolutions (first version) in the backbone's
# last three stages and in the last layer of the towers, 3x (mmdet has no such config).
# Original's README, COCO val2017: mask AP 35.0.
#   tools/dist_train.sh configs/solo/decoupled-solo-light_r50-dcn_3x_coco.py 8
# Not yet measured here.
_base_ = [
    './_base_/solo_r50.py',
    './_base_/coco_ms-512.py',
    './_base_/schedule_3x.py',
    '../_base_/runtime/default_runtime.py',
]

model = dict(
    backbone=dict(
        dcn=dict(type='DCN', deform_groups=1, fallback_on_stride=False),
        stage_with_dcn=(False, True, True, True)),
    mask_head=dict(
        type='mmseg_plugins.DecoupledSOLOLightHead',
        stacked_convs=4,
        scale_ranges=((1, 64), (32, 128), (64, 256), (128, 512), (256, 2048)),
        dcn_cfg=dict(type='DCN')))
