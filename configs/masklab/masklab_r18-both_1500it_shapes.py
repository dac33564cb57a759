# MaskLab ablation on generated shapes, rung 2: semantic and direction logits.
#   python tools/train.py configs/masklab/masklab_r18-both_1500it_shapes.py
# Measured numbers: configs/masklab/README.md.
_base_ = './_base_/shapes.py'
