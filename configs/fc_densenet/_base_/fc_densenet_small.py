# FC-DenseNet for two CPU cores, shaped as FC-DenseNet103: blocks of 1 to 5 layers with
# growth rate 8, 36 layers in all, 0.36 M parameters.  Its work is memory traffic at full
# resolution: FC-DenseNet56 itself would take many times as long an iteration.
# Predictions with the running statistics, as every other system's.
_base_ = ['./fc_densenet.py']

layout = dict(growth_rate=8, batch_statistics=False)
model = dict(
    backbone=dict(stem_channels=8, down_layers=(1, 2, 3, 4, 5), bottleneck_layers=6, **layout),
    decode_head=dict(in_channels=[16, 32, 56, 88, 128, 48], up_layers=(5, 4, 3, 2, 1), **layout))
