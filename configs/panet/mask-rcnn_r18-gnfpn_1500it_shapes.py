# PANet ablation on generated shapes, rung 0: Mask R-CNN with the same pyramid, heads and schedule, without any component.
#   python tools/train.py configs/panet/mask-rcnn_r18-gnfpn_1500it_shapes.py
# Measured numbers: configs/panet/README.md.
_base_ = './_base_/shapes.py'
