# Normalized cuts of the graph of superpixels on cell nuclei.
#   python tools/test.py configs/classical/normalized-cuts_slic_untrained_nuclei.py
# Measured numbers: configs/classical/README.md.
_base_ = './_base_/nuclei.py'

model = dict(
    type='mmseg_plugins.ClassicalDetector',
    data_preprocessor={{_base_.preprocessor}},
    method='normalized_cuts')
