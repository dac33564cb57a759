# Watershed of the Sobel gradient from one click on each cell nucleus: what clicks alone give.
#   python tools/test.py configs/classical/watershed_clicks_untrained_nuclei.py
# Measured numbers: configs/classical/README.md.
_base_ = './_base_/nuclei.py'

model = dict(type='mmseg_plugins.WatershedFromClicks', data_preprocessor={{_base_.preprocessor}})
