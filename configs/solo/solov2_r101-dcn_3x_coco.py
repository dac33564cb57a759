# SOLOv2, ResNet-101 with modulated deformable convolutions everywhere, 3x, six scales.
# Original's README, COCO val2017: mask AP 41.4.
#   tools/dist_train.sh configs/solo/solov2_r101-dcn_3x_coco.py 8
# Not yet measured here.
_base_ = [
    './_base_/solov2_r50.py',
    './_base_/coco_ms.py',
    './_base_/schedule-v2_3x.py',
    '../_base_/runtime/default_runtime.py',
]

model = dict(
    backbone=dict(
        depth=101,
        init_cfg=dict(checkpoint='torchvision://resnet101'),
        dcn=dict(type='DCNv2', deform_groups=1, fallback_on_stride=False),
        stage_with_dcn=(False, True, True, True)),
    mask_head=dict(
        dcn_cfg=dict(type='DCNv2'),
        dcn_apply_to_all_conv=True,
        mask_feature_head=dict(conv_cfg=dict(type='DCNv2'))))
