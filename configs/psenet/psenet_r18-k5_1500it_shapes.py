# PSENet with 5 kernels on generated shapes.
#   python tools/train.py configs/psenet/psenet_r18-k5_1500it_shapes.py
# Measured numbers: configs/psenet/README.md.
_base_ = './_base_/shapes.py'
