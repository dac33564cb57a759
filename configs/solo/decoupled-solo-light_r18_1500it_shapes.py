# Decoupled light SOLO, a ResNet-18 of half the width, from scratch on generated shapes.
#   python tools/train.py configs/solo/decoupled-solo-light_r18_1500it_shapes.py
# Measured numbers: configs/solo/README.md.
_base_ = './_base_/shapes.py'

model = dict(mask_head=dict(type='mmseg_plugins.DecoupledSOLOLightHead'))
