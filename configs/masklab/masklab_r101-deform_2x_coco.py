# MaskLab ablation on COCO, rung 5: all of rung 4, and deformable crop-and-resize in front of the box classifier.
# Part of the final model; the paper gives no row for it alone.  The final model (COCO test-dev): mask AP 35.4.
#   tools/dist_train.sh configs/masklab/masklab_r101-deform_2x_coco.py 8
# Not yet measured here.
_base_ = './_base_/coco.py'

model = dict(
    roi_head=dict(
        bbox_roi_extractor=dict(type='mmseg_plugins.DeformableCropRoIExtractor', sub_boxes=2, offset_size=4),
        mask_head=dict(num_distances=4, refine={{_base_.hypercolumn}})))
