# Pixel embeddings with the discriminative loss, 8 channels, on generated shapes.
#   python tools/train.py configs/discriminative/discriminative_r18-e8_1500it_shapes.py
# Measured numbers: configs/discriminative/README.md.
_base_ = './_base_/shapes.py'
