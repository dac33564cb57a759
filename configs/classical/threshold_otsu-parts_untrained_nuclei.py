# Otsu's threshold on cell nuclei, connected parts as objects: what the watershed adds shows against this.
#   python tools/test.py configs/classical/threshold_otsu-parts_untrained_nuclei.py
# Measured numbers: configs/classical/README.md.
_base_ = './_base_/nuclei.py'

model = dict(
    type='mmseg_plugins.ClassicalDetector', method='otsu', data_preprocessor={{_base_.preprocessor}})
