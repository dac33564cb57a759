# The small ladder's model, shared by the nuclei and the shapes configs: the
# quickstart's Mask R-CNN with group norm in pyramid and heads, so that the rungs
# differ by nothing but the component that each adds.
_base_ = ['../../_base_/models/mask-rcnn_r18-small_fpn.py']

# ------------------------------------------------------------------ often changed
width = 64  # channels of the pyramid and of the heads; a multiple of 2 x num_groups
num_groups = 16
mask_convs = 3  # convolutions of the mask head; the fully connected branch starts before the last

norm_cfg = dict(type='GN', num_groups=num_groups)
model = dict(
    neck=dict(type='mmseg_plugins.PANetFPN', out_channels=width, bottom_up=False, norm_cfg=norm_cfg),
    roi_head=dict(
        bbox_head=dict(type='mmseg_plugins.AdaptivePooling2FCBBoxHead', num_levels=1, norm_cfg=norm_cfg),
        mask_head=dict(
            type='mmseg_plugins.AdaptivePoolingMaskHead',
            num_levels=1,
            fc_fusion=False,
            roi_feat_size=14,
            num_convs=mask_convs,
            norm_cfg=norm_cfg)))
