# Mixing: stock Cascade Mask R-CNN whose three mask heads add the fully connected mask; stock neck, stock extractors.
#   tools/dist_train.sh configs/panet/examples/cascade-mask-rcnn_r50-fusion_1x_coco.py 8
# Not yet measured here.
_base_ = [
    'mmdet::_base_/models/cascade-mask-rcnn_r50_fpn.py',
    '../../_base_/datasets/coco_instance.py',
    'mmdet::_base_/schedules/schedule_1x.py',
    '../../_base_/runtime/default_runtime.py',
]

model = dict(
    roi_head=dict(
        mask_head=dict(
            type='mmseg_plugins.AdaptivePoolingMaskHead', num_levels=1, fc_fusion=True, roi_feat_size=14)))
