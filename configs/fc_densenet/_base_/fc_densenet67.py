# FC-DenseNet67: growth rate 16, five layers in each of eleven blocks.
_base_ = ['./fc_densenet.py']

model = dict(
    backbone=dict(down_layers=(5, 5, 5, 5, 5), bottleneck_layers=5),
    decode_head=dict(in_channels=[128, 208, 288, 368, 448, 80], up_layers=(5, 5, 5, 5, 5)))
