# + one sample a bin in RoIAlign: what the quickstart runs with.
_base_ = './3_fewer_rois.py'
model = dict(
    roi_head=dict(
        bbox_roi_extractor=dict(roi_layer=dict(sampling_ratio=1)),
        mask_roi_extractor=dict(roi_layer=dict(sampling_ratio=1))))
