# UperNet on a small EVA-02, from scratch, on CamVid.
#   python tools/train.py configs/eva02/upernet_eva02-96_1000it-crop224_camvid.py
# Measured numbers: configs/eva02/README.md.
_base_ = './_base_/camvid.py'
