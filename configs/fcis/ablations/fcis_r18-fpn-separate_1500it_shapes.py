# FCIS ablation on generated shapes: score maps for class and mask apart, instead of the joint inside/outside pair.
#   python tools/train.py configs/fcis/ablations/fcis_r18-fpn-separate_1500it_shapes.py
# Measured numbers: configs/fcis/README.md.
_base_ = '../_base_/shapes.py'

model = dict(roi_head=dict(separate_maps=True))
