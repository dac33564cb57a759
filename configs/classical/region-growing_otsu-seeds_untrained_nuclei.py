# Region growing on cell nuclei, from the extremes of Otsu's foreground.
#   python tools/test.py configs/classical/region-growing_otsu-seeds_untrained_nuclei.py
# Measured numbers: configs/classical/README.md.
_base_ = './_base_/nuclei.py'

model = dict(
    type='mmseg_plugins.ClassicalDetector',
    data_preprocessor={{_base_.preprocessor}},
    method='region_growing')
