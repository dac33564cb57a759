# U-Net with unpadded convolutions on CamVid in the common small budget, from
# scratch: an eighth of the paper's width, batch norm, mirrored margins.
#   python tools/train.py configs/unet/unet_valid_1000it-crop224_camvid.py
# Measured numbers: configs/unet/README.md.
_base_ = [
    './_base_/unet_small.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/small_1000it.py',
    '../_base_/runtime/semantic_runtime.py',
]
