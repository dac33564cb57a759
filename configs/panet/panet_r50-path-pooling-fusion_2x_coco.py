# PANet ablation on COCO, rung 3: + path, + adaptive feature pooling, + fully-connected fusion.
# Paper: mask AP 37.6.
#   tools/dist_train.sh configs/panet/panet_r50-path-pooling-fusion_2x_coco.py 8
# Not yet measured here.
_base_ = './_base_/coco.py'

model = dict(
    neck=dict(bottom_up=True),
    roi_head=dict(
        bbox_roi_extractor=dict(type='mmseg_plugins.AllLevelRoIExtractor'),
        bbox_head=dict(num_levels=4),
        mask_roi_extractor=dict(type='mmseg_plugins.AllLevelRoIExtractor'),
        mask_head=dict(num_levels=4, fc_fusion=True)))
