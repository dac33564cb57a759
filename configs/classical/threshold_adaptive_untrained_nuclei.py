# A threshold of each pixel's own on cell nuclei: the Gaussian mean around it.
#   python tools/test.py configs/classical/threshold_adaptive_untrained_nuclei.py
# Measured numbers: configs/classical/README.md.
_base_ = './_base_/nuclei.py'

model = dict(
    type='mmseg_plugins.ClassicalDetector',
    data_preprocessor={{_base_.preprocessor}},
    method='adaptive',
    divide=dict(min_distance=7))
