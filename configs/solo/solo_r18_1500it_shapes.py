# SOLO, a ResNet-18 of half the width, from scratch on generated shapes.
#   python tools/train.py configs/solo/solo_r18_1500it_shapes.py
# Measured numbers: configs/solo/README.md.
_base_ = './_base_/shapes.py'
