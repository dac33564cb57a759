# PANet ablation on cell nuclei, rung 1: + bottom-up path augmentation.
#   python tools/train.py configs/panet/panet_r18-path_1000it-crop256_nuclei.py
# Measured numbers: configs/panet/README.md.
_base_ = ['./_base_/nuclei.py', '../_base_/schedules/small_1000it.py']

model = dict(neck=dict(bottom_up=True))
