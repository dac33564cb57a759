# InstanceFCN on generated shapes, 5 x 5 positions, windows on four levels.
#   python tools/train.py configs/instancefcn/instancefcn_r18-k5_1500it_shapes.py
# Measured numbers: configs/instancefcn/README.md.
_base_ = './_base_/shapes.py'
