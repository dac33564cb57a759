# Otsu's threshold on cell nuclei; touching ones are divided by random walks instead of a watershed.
#   python tools/test.py configs/classical/random-walker_otsu_untrained_nuclei.py
# Measured numbers: configs/classical/README.md.
_base_ = './_base_/nuclei.py'

model = dict(
    type='mmseg_plugins.ClassicalDetector',
    data_preprocessor={{_base_.preprocessor}},
    method='random_walker',
    settings=dict(min_distance=7))
