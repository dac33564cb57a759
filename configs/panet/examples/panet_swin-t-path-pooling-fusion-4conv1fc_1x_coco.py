# Mixing: the whole of PANet on a stock Swin-T, with the schedule of stock Mask R-CNN on Swin-T.
# The backbone's weights are on the authors' GitHub page; another file: --cfg-options
# model.backbone.init_cfg.checkpoint=PATH
#   tools/dist_train.sh configs/panet/examples/panet_swin-t-path-pooling-fusion-4conv1fc_1x_coco.py 8
# Not yet measured here.
_base_ = ['mmdet::swin/mask-rcnn_swin-t-p4-w7_fpn_1x_coco.py']

custom_imports = dict(imports=['mmseg_plugins.activate'], allow_failed_imports=False)
runner_type = 'mmseg_plugins.SafeRunner'
default_hooks = dict(checkpoint=dict(type='mmseg_plugins.SafeCheckpointHook'))

norm_cfg = dict(type='GN', num_groups=32)
model = dict(
    neck=dict(type='mmseg_plugins.PANetFPN', norm_cfg=norm_cfg),
    roi_head=dict(
        bbox_roi_extractor=dict(type='mmseg_plugins.AllLevelRoIExtractor'),
        bbox_head=dict(type='mmseg_plugins.AdaptivePooling4Conv1FCBBoxHead', num_levels=4, norm_cfg=norm_cfg),
        mask_roi_extractor=dict(type='mmseg_plugins.AllLevelRoIExtractor'),
        mask_head=dict(
            type='mmseg_plugins.AdaptivePoolingMaskHead', num_levels=4, fc_fusion=True, roi_feat_size=14,
            norm_cfg=norm_cfg)))
