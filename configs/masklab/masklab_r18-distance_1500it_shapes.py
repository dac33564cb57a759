# MaskLab ablation on generated shapes, rung 3: semantic and direction logits, 4 distance bins.
#   python tools/train.py configs/masklab/masklab_r18-distance_1500it_shapes.py
# Measured numbers: configs/masklab/README.md.
_base_ = './_base_/shapes.py'

model = dict(roi_head=dict(mask_head=dict(num_distances=4)))
