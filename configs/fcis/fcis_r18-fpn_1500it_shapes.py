# FCIS on generated shapes, whole: joint score maps, 7 x 7 groups, OHEM, two passes.
#   python tools/train.py configs/fcis/fcis_r18-fpn_1500it_shapes.py
# Measured numbers: configs/fcis/README.md.
_base_ = './_base_/shapes.py'
