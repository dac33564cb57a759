# Generated shapes, 128 x 128, no download, for two CPU cores.
# Everything but the RoI operator, which the leaf configs name.
_base_ = [
    '../../_base_/models/mask-rcnn_r18-small_fpn.py',
    '../../_base_/datasets/shapes_instance.py',
    '../../_base_/schedules/small_1500it.py',
    '../../_base_/runtime/iters_runtime.py',
]

# ------------------------------------------------------------------ often changed
finest_scale = 28  # RoIs below twice this side are read from stride 4

# The quickstart's Mask R-CNN with the extractor that takes any RoI operator.
extractor = dict(
    _delete_=True,
    type='mmseg_plugins.RoIOpExtractor',
    finest_scale=finest_scale,
    out_channels={{_base_.width}},
    featmap_strides=[4, 8, 16, 32])
model = dict(
    roi_head=dict(
        bbox_head=dict(num_classes=5),
        mask_head=dict(num_classes=5),
        bbox_roi_extractor=dict(roi_layer=dict(type='RoIAlign', output_size=7, sampling_ratio=1), **extractor),
        mask_roi_extractor=dict(roi_layer=dict(type='RoIAlign', output_size=14, sampling_ratio=1), **extractor)))
