# InstanceFCN for two CPU cores: the common small backbone and pyramid.  The
# pyramid's levels take the place of the paper's image pyramid: one window size a
# level, a factor 2 apart, so that one pass sees all sizes.
_base_ = ['../../_base_/models/mask-rcnn_r18-small_fpn.py']

# ------------------------------------------------------------------ often changed
width = 64  # channels of the pyramid and the head
positions = 5  # k
upsample_factor = 2  # maps of stride 2, 4, 8, 16
iou_thr = 0.5  # the paper's .8 keeps more doubles: better recall at 100 and 1000, worse precision
nms_pre = 2000  # windows that are assembled at all
window_size = 21  # cells: windows of 42, 84, 168, 336 px, objects of about 24, 48, 96, 192 px

model = dict(
    _delete_=True,
    type='SingleStageInstanceSegmentor',
    data_preprocessor={{_base_.model.data_preprocessor}},
    backbone={{_base_.model.backbone}},
    neck={{_base_.model.neck}},
    mask_head=dict(
        type='mmseg_plugins.InstanceFCNHead',
        in_channels=width,
        strides=[4, 8, 16, 32],
        feat_channels=width,
        positions=positions,
        window_size=window_size,
        upsample_factor=upsample_factor,
        norm_cfg=dict(type='GN', num_groups=16),
        loss=dict(type='mmseg_plugins.InstanceFCNLoss')),
    train_cfg=dict(
        assigner=dict(type='mmseg_plugins.WindowAssigner', scale_positive=2**0.5, open_ended=True),
        sampler=dict(type='mmdet.RandomSampler', num=256, pos_fraction=0.5, add_gt_as_proposals=False)),
    test_cfg=dict(nms_pre=nms_pre, mask_thr=0.5, iou_thr=iou_thr, max_per_img=1000))
