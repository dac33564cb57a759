# DeepLab v2 ASPP-L with a quarter-width VGG-16 on CamVid, from scratch.
#   python tools/train.py configs/deeplab/deeplabv2_vgg16s-aspp-l_1000it-crop224_camvid.py
# Measured numbers: configs/deeplab/README.md.
_base_ = [
    './_base_/vgg16s_small.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/small_1000it.py',
    '../_base_/runtime/semantic_runtime.py',
]

model = dict(decode_head=dict(dilations=(6, 12, 18, 24), average_pool=False))
