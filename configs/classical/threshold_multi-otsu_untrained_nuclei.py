# Otsu's thresholds between three classes on cell nuclei; all but the background's class are objects.
#   python tools/test.py configs/classical/threshold_multi-otsu_untrained_nuclei.py
# Measured numbers: configs/classical/README.md.
_base_ = './_base_/nuclei.py'

model = dict(
    type='mmseg_plugins.ClassicalDetector',
    data_preprocessor={{_base_.preprocessor}},
    method='multi_otsu',
    divide=dict(min_distance=7))
