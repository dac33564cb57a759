# The same with EVA of 2022: GELU, and decomposed relative positions instead of rotary ones.
#   python tools/train.py configs/eva02/examples/mask-rcnn_eva-96-sfp_1000it-crop256_nuclei.py
# Not yet measured here.
_base_ = '../_base_/nuclei.py'

model = dict(backbone=dict(type='mmseg_plugins.EVA', relative_size=256))
