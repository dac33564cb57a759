# GrabCut in the true boxes of cell nuclei: what boxes alone give.
#   python tools/test.py configs/classical/grabcut_boxes_untrained_nuclei.py
# Measured numbers: configs/classical/README.md.
_base_ = './_base_/nuclei.py'

model = dict(type='mmseg_plugins.GrabCutFromBoxes', data_preprocessor={{_base_.preprocessor}})
