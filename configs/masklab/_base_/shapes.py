# Generated shapes, 128 x 128, no download, for two CPU cores.
# Everything but the components of MaskLab, which the leaf configs add.
# The network of r101.py cut down: ResNet-18 of half the width from scratch, still with output stride 8, stem and res2
# for the refinement, and a copy of res5 for the boxes.  Maps:
#   0 stem (32, stride 2)   1 res2 (32, stride 4)   2 res3 (64, stride 8)   3 res4 (128)   4 res5 (256)
_base_ = [
    './r101.py',
    '../../_base_/datasets/shapes_instance.py',
    '../../_base_/schedules/small_1500it.py',
    '../../_base_/runtime/iters_runtime.py',
]

# ------------------------------------------------------------------ often changed
anchor_scales = [2, 4, 8]  # 16, 32, 64 px: the shapes are 12 to 67 px long, 7 to 65 px wide
width = 64  # channels of the heads
mask_size = 21
hypercolumn = dict(indices=[0, 1], channels=[32, 32], strides=[2, 4], conv_channels=32)

norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    backbone=dict(
        net=dict(depth=18, base_channels=32, frozen_stages=-1, norm_cfg=norm_cfg, norm_eval=False, init_cfg=None)),
    rpn_head=dict(in_channels=128, feat_channels=width, anchor_generator=dict(scales=anchor_scales)),
    roi_head=dict(
        # Stock ResLayer counts channels from 64: its third stage is the fourth of a backbone of half the width.
        shared_head=dict(depth=18, stage=2, stride=2, norm_cfg=norm_cfg, norm_eval=False, init_cfg=None),
        bbox_roi_extractor=dict(output_size=8, pool=1, out_channels=128),
        bbox_head=dict(in_channels=256, roi_feat_size=4, num_classes=5),
        mask_head=dict(in_channels=256, mask_size=mask_size, num_classes=5)),
    train_cfg=dict(
        rpn=dict(sampler=dict(num=128)),
        rpn_proposal=dict(nms_pre=500, max_per_img=100),
        rcnn=dict(sampler=dict(num=32, pos_fraction=0.5), max_masks_per_img=16)),
    test_cfg=dict(rpn=dict(nms_pre=500, max_per_img=100)))
