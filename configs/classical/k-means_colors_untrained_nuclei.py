# K-means of the colors of each image of cell nuclei; all but the largest cluster are objects.
#   python tools/test.py configs/classical/k-means_colors_untrained_nuclei.py
# Measured numbers: configs/classical/README.md.
_base_ = './_base_/nuclei.py'

model = dict(
    type='mmseg_plugins.ClassicalDetector',
    data_preprocessor={{_base_.preprocessor}},
    method='k_means',
    divide=dict(min_distance=7))
