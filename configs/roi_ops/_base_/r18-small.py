# The small ladder's model, shared by the nuclei and the shapes configs: the
# quickstart's Mask R-CNN with the extractor that takes any RoI operator.
_base_ = ['../../_base_/models/mask-rcnn_r18-small_fpn.py']

# ------------------------------------------------------------------ often changed
width = 64  # channels of the pyramid and of the heads

extractor = dict(
    _delete_=True,
    type='mmseg_plugins.RoIOpExtractor',
    out_channels=width,
    featmap_strides=[4, 8, 16, 32])
model = dict(
    roi_head=dict(
        bbox_roi_extractor=dict(roi_layer=dict(type='RoIAlign', output_size=7, sampling_ratio=1), **extractor),
        mask_roi_extractor=dict(roi_layer=dict(type='RoIAlign', output_size=14, sampling_ratio=1), **extractor)))
