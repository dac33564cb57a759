# Decoupled light SOLO, a ResNet-18 of half the width, from scratch on cell nuclei.
#   python tools/train.py configs/solo/decoupled-solo-light_r18_1000it-crop256_nuclei.py
# Measured numbers: configs/solo/README.md.
_base_ = ['./_base_/nuclei.py', '../_base_/schedules/small_1000it.py']

model = dict(mask_head=dict(type='mmseg_plugins.DecoupledSOLOLightHead'))
