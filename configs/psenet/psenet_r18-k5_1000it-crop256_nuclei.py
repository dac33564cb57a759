# PSENet with 5 kernels on cell nuclei.
#   python tools/train.py configs/psenet/psenet_r18-k5_1000it-crop256_nuclei.py
# Measured numbers: configs/psenet/README.md.
_base_ = './_base_/nuclei.py'
