# Generated shapes, 128 x 128, no download, for two CPU cores.
# Everything but the components of PANet, which the leaf configs add.
_base_ = [
    '../../_base_/models/mask-rcnn_r18-small_fpn.py',
    '../../_base_/datasets/shapes_instance.py',
    '../../_base_/schedules/small_1500it.py',
    '../../_base_/runtime/iters_runtime.py',
]

# ------------------------------------------------------------------ often changed
num_groups = 16
mask_convs = 3  # convolutions of the mask head; the fully connected branch starts before the last

# The ladder's model: the quickstart's Mask R-CNN with group norm in pyramid and heads, so that the rungs differ by
# nothing but the component that each adds.  nuclei.py has the same.
norm_cfg = dict(type='GN', num_groups=num_groups)
model = dict(
    neck=dict(type='mmseg_plugins.PANetFPN', bottom_up=False, norm_cfg=norm_cfg),
    roi_head=dict(
        bbox_head=dict(type='mmseg_plugins.AdaptivePooling2FCBBoxHead', num_classes=5, num_levels=1, norm_cfg=norm_cfg),
        mask_head=dict(
            type='mmseg_plugins.AdaptivePoolingMaskHead',
            num_classes=5,
            num_levels=1,
            fc_fusion=False,
            roi_feat_size=14,
            num_convs=mask_convs,
            norm_cfg=norm_cfg)))
