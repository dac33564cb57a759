# PANet ablation on COCO, rung 2: + path, + adaptive feature pooling.
# Paper: mask AP 36.9, box AP 40.6.
#   tools/dist_train.sh configs/panet/panet_r50-path-pooling_2x_coco.py 8
# Not yet measured here.
_base_ = './_base_/coco.py'

# The extractor takes the arguments of the stock one that it replaces.
model = dict(
    neck=dict(bottom_up=True),
    roi_head=dict(
        bbox_roi_extractor=dict(type='mmseg_plugins.AllLevelRoIExtractor'),
        bbox_head=dict(num_levels=4),
        mask_roi_extractor=dict(type='mmseg_plugins.AllLevelRoIExtractor'),
        mask_head=dict(num_levels=4)))
