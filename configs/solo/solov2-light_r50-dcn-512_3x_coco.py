# SOLOv2 light with deformable convolutions, images of 512 x 852, 3x.  As in the original,
# of the first version; mmdet's config has the second and images of 448 x 768.
# Original's README, COCO val2017: mask AP 36.4.
#   tools/dist_train.sh configs/solo/solov2-light_r50-dcn-512_3x_coco.py 8
# Not yet measured here.
_base_ = [
    './_base_/solov2-light_r50.py',
    './_base_/coco_ms-512.py',
    './_base_/schedule-v2_3x.py',
    '../_base_/runtime/default_runtime.py',
]

model = dict(
    backbone=dict(
        dcn=dict(type='DCN', deform_groups=1, fallback_on_stride=False),
        stage_with_dcn=(False, True, True, True)),
    mask_head=dict(
        stacked_convs=3,
        scale_ranges=((1, 64), (32, 128), (64, 256), (128, 512), (256, 2048)),
        dcn_cfg=dict(type='DCN'),
        dcn_apply_to_all_conv=False))
