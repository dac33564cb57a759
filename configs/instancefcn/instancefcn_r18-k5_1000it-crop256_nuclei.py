# InstanceFCN on cell nuclei, 5 x 5 positions, windows on four levels.
#   python tools/train.py configs/instancefcn/instancefcn_r18-k5_1000it-crop256_nuclei.py
# Measured numbers: configs/instancefcn/README.md.
_base_ = './_base_/nuclei.py'
