# U-Net's expanding path on EfficientNet-Lite0 with ImageNet weights from a package, on CamVid; batch norm, no margins.
#   python tools/train.py configs/unet/unet_lite0_2000it-crop224_camvid.py
# Measured numbers: configs/unet/README.md.
_base_ = [
    './_base_/unet_lite0.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/pretrained_2000it.py',
    '../_base_/runtime/semantic_runtime.py',
]
