# FCIS ablation on generated shapes: one group (k = 1), so that the score maps are translation invariant.
#   python tools/train.py configs/fcis/ablations/fcis_r18-fpn-k1_1500it_shapes.py
# Measured numbers: configs/fcis/README.md.
_base_ = '../_base_/shapes.py'

model = dict(roi_head=dict(group_size=1))
