# DeepLab v2 with a ResNet-18 of 24 .. 192 channels on CamVid, from scratch: three scales, maximum, four losses.
# Narrower than other systems' (32 .. 256), as three scales cost 1.8 times one.
#   python tools/train.py configs/deeplab/deeplabv2_r18s-msc_1000it-crop224_camvid.py
# Measured numbers: configs/deeplab/README.md.
_base_ = [
    './_base_/r18s_small.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/small_1000it.py',
    '../_base_/runtime/semantic_runtime.py',
]

model = dict(
    type='mmseg_plugins.MultiScaleEncoderDecoder',
    scales=(1.0, 0.75, 0.5),
    own_grids=(0.5, ),
    backbone=dict(stem_channels=24, base_channels=24),
    decode_head=dict(in_channels=192))
