# PANet, whole, as released (e2e_panet_R-50-FPN_2x_mask.yaml): + path, + adaptive feature pooling, + fully-connected
# fusion, + the heavier 4conv1fc box head.  Converted official weights load into this config.
# Paper: mask AP 37.8, box AP 42.1.  Released code: mask AP 38.3, box AP 43.1 (its README).
#   tools/dist_train.sh configs/panet/panet_r50-path-pooling-fusion-4conv1fc_2x_coco.py 8
# Not yet measured here.
_base_ = './_base_/coco.py'

model = dict(
    neck=dict(bottom_up=True),
    roi_head=dict(
        bbox_roi_extractor=dict(type='mmseg_plugins.AllLevelRoIExtractor'),
        bbox_head=dict(type='mmseg_plugins.AdaptivePooling4Conv1FCBBoxHead', num_levels=4),
        mask_roi_extractor=dict(type='mmseg_plugins.AllLevelRoIExtractor'),
        mask_head=dict(num_levels=4, fc_fusion=True)))
