# Pixel embeddings with the discriminative loss, 8 channels, on cell nuclei.
#   python tools/train.py configs/discriminative/discriminative_r18-e8_1000it-crop256_nuclei.py
# Measured numbers: configs/discriminative/README.md.
_base_ = './_base_/nuclei.py'
