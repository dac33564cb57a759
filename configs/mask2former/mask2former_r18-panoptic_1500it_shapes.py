# Mask2Former on generated shapes, panoptic: five shapes on two kinds of ground.
#   python tools/train.py configs/mask2former/mask2former_r18-panoptic_1500it_shapes.py
# Measured numbers: configs/mask2former/README.md.
_base_ = './_base_/shapes-panoptic.py'
