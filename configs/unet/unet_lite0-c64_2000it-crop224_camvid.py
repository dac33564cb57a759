# U-Net's expanding path on EfficientNet-Lite0 as in unet_lite0, with 64 channels and more at every level in place of 16
# at its end.
#   python tools/train.py configs/unet/unet_lite0-c64_2000it-crop224_camvid.py
# Measured numbers: configs/unet/README.md.
_base_ = [
    './_base_/unet_lite0.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/pretrained_2000it.py',
    '../_base_/runtime/semantic_runtime.py',
]

model = dict(neck=dict(out_channels=[64, 64, 64, 64, 112]), decode_head=dict(in_channels=64))
