# Mask R-CNN on a small EVA-02 with windows, from scratch, on cell nuclei.
#   python tools/train.py configs/eva02/mask-rcnn_eva02-96-sfp_1000it-crop256_nuclei.py
# Measured numbers: configs/eva02/README.md.
_base_ = './_base_/nuclei.py'
