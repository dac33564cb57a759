# MaskLab ablation on generated shapes, rung 0: semantic logits only.
#   python tools/train.py configs/masklab/masklab_r18-semantic_1500it_shapes.py
# Measured numbers: configs/masklab/README.md.
_base_ = './_base_/shapes.py'

model = dict(roi_head=dict(mask_head=dict(direction=False)))
