# Mask2Former on generated shapes, instances.
#   python tools/train.py configs/mask2former/mask2former_r18-instance_1500it_shapes.py
# Not yet measured here.
_base_ = './_base_/shapes.py'
