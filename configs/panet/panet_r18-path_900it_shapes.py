# PANet ablation on generated shapes, rung 1: + bottom-up path augmentation.
#   python tools/train.py configs/panet/panet_r18-path_900it_shapes.py
# Measured numbers: configs/panet/README.md.
_base_ = './_base_/shapes.py'

model = dict(neck=dict(bottom_up=True))
