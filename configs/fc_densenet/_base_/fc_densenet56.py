# FC-DenseNet56: growth rate 12, four layers in each of eleven blocks.
_base_ = ['./fc_densenet.py']

layout = dict(growth_rate=12)
model = dict(
    backbone=dict(down_layers=(4, 4, 4, 4, 4), bottleneck_layers=4, **layout),
    decode_head=dict(in_channels=[96, 144, 192, 240, 288, 48], up_layers=(4, 4, 4, 4, 4), **layout))
