# Otsu's threshold and the watershed of the distance transform on cell nuclei: trained on nothing.
#   python tools/test.py configs/classical/threshold-watershed_otsu_untrained_nuclei.py
# Measured numbers: configs/classical/README.md.
_base_ = './_base_/nuclei.py'

model = dict(
    type='mmseg_plugins.ThresholdWatershed',
    data_preprocessor={{_base_.preprocessor}},
    polarity='auto',  # fluorescence has bright nuclei, stained tissue dark ones
    sigma=1.0,
    min_area=20,
    min_distance=7,
    distance_sigma=2.0)
