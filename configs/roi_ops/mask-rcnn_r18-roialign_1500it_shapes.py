# RoI operators on generated shapes: RoIAlign, unrounded box, mean of bilinear samples.
#   python tools/train.py configs/roi_ops/mask-rcnn_r18-roialign_1500it_shapes.py
# Measured numbers: configs/roi_ops/README.md.
_base_ = './_base_/shapes.py'
