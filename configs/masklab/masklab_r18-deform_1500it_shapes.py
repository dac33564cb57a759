# MaskLab ablation on generated shapes, rung 5: all of rung 4, and deformable crop-and-resize in front of the box classifier.
#   python tools/train.py configs/masklab/masklab_r18-deform_1500it_shapes.py
# Not yet measured here.
_base_ = './_base_/shapes.py'

model = dict(
    roi_head=dict(
        bbox_roi_extractor=dict(type='mmseg_plugins.DeformableCropRoIExtractor', sub_boxes=2, offset_size=4),
        mask_head=dict(num_distances=4, refine={{_base_.hypercolumn}})))
