# MaskLab ablation on generated shapes, rung 4: 4 distance bins and refinement by the stem and res2.
#   python tools/train.py configs/masklab/masklab_r18-refine_1500it_shapes.py
# Measured numbers: configs/masklab/README.md.
_base_ = './_base_/shapes.py'

model = dict(roi_head=dict(mask_head=dict(num_distances=4, refine={{_base_.hypercolumn}})))
