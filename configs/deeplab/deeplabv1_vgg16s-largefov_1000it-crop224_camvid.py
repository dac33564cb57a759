# DeepLab v1 LargeFOV with a quarter-width VGG-16 on CamVid, from scratch.
#   python tools/train.py configs/deeplab/deeplabv1_vgg16s-largefov_1000it-crop224_camvid.py
# Measured numbers: configs/deeplab/README.md.
_base_ = [
    './_base_/vgg16s_small.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/small_1000it.py',
    '../_base_/runtime/semantic_runtime.py',
]
