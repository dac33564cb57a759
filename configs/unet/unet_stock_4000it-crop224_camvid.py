# mmseg's own UNet (padded convolutions, interpolation) on CamVid in the long
# small budget, from scratch, as wide as unet_valid_1000it-crop224_camvid.py.
# It takes sides that 16 divides: 360 x 480 images are padded to 368 x 480.
#   python tools/train.py configs/unet/unet_stock_4000it-crop224_camvid.py
# Measured numbers: configs/unet/README.md.
_base_ = [
    './_base_/unet_small.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/scratch_4000it.py',
    '../_base_/runtime/semantic_runtime.py',
]

model = dict(
    data_preprocessor=dict(test_cfg=dict(size_divisor=16)),
    backbone=dict(_delete_=True, type='UNet', base_channels=8, norm_cfg=dict(type='BN')),
    decode_head=dict(in_index=4))
