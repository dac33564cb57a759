# PSENet for two CPU cores: the common small backbone, PSENet's own pyramid and
# head with group norm.
_base_ = ['../../_base_/models/mask-rcnn_r18-small_fpn.py']

# ------------------------------------------------------------------ often changed
width = 64  # channels of the pyramid and the head
num_kernels = 5  # the whole object and four kernels
smallest = 0.5  # shrink rate of the smallest: an object of 20 px loses 4 px on each side

norm_cfg = dict(type='GN', num_groups=16)
model = dict(
    _delete_=True,
    type='SingleStageInstanceSegmentor',
    data_preprocessor={{_base_.model.data_preprocessor}},
    backbone={{_base_.model.backbone}},
    neck=dict(
        type='mmseg_plugins.PSENetFPN',
        in_channels={{_base_.model.neck.in_channels}},
        out_channels=width,
        norm_cfg=norm_cfg),
    mask_head=dict(
        type='mmseg_plugins.PSENetHead',
        in_channels=[width] * 4,
        stride=4,
        num_kernels=num_kernels,
        feat_channels=width,
        smallest=smallest,
        norm_cfg=norm_cfg,
        loss=dict(type='mmseg_plugins.PSENetLoss')),
    test_cfg=dict(min_area=16, min_kernel_area=3, min_score=0.5, max_per_img=400))
