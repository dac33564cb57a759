# RoI operators on cell nuclei: RoIAlign, unrounded box, mean of bilinear samples.
#   python tools/train.py configs/roi_ops/mask-rcnn_r18-roialign_1000it-crop256_nuclei.py
# Measured numbers: configs/roi_ops/README.md.
_base_ = './_base_/nuclei.py'
