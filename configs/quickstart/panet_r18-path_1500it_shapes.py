# The quickstart without pre-trained weights: a small Mask R-CNN with PANet's bottom-up path, from scratch on generated
# shapes, on two CPU cores and without any download.  make demo trains it where no ImageNet weights are installed.
#   python tools/train.py configs/quickstart/panet_r18-path_1500it_shapes.py
# Measured numbers: configs/quickstart/README.md.
_base_ = '../panet/_base_/shapes.py'

model = dict(neck=dict(bottom_up=True))
