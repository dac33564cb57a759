# MaskLab ablation on generated shapes, rung 1: direction logits only (8 directions).
#   python tools/train.py configs/masklab/masklab_r18-direction_1500it_shapes.py
# Measured numbers: configs/masklab/README.md.
_base_ = './_base_/shapes.py'

model = dict(roi_head=dict(mask_head=dict(semantic=False)))
