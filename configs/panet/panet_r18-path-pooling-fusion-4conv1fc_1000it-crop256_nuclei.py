# PANet ablation on cell nuclei, rung 4: + path, + adaptive feature pooling, + fully-connected fusion, + 4conv1fc box head.
#   python tools/train.py configs/panet/panet_r18-path-pooling-fusion-4conv1fc_1000it-crop256_nuclei.py
# Not yet measured here.
_base_ = ['./_base_/nuclei.py', '../_base_/schedules/small_1000it.py']

pooling = dict(
    _delete_=True,
    type='mmseg_plugins.AllLevelRoIExtractor',
    out_channels={{_base_.width}},
    featmap_strides=[4, 8, 16, 32])
model = dict(
    neck=dict(bottom_up=True),
    roi_head=dict(
        bbox_roi_extractor=dict(roi_layer=dict(type='RoIAlign', output_size=7, sampling_ratio=1), **pooling),
        bbox_head=dict(
            type='mmseg_plugins.AdaptivePooling4Conv1FCBBoxHead', conv_out_channels={{_base_.width}}, num_levels=4),
        mask_roi_extractor=dict(roi_layer=dict(type='RoIAlign', output_size=14, sampling_ratio=1), **pooling),
        mask_head=dict(num_levels=4, fc_fusion=True)))
