# DeepLab v2 ResNet-101 from torchvision's ImageNet weights: RGB / std, the stride of a stage in its 3 x 3 convolution,
# the stem's pool rounded up all the same.  No file to make first.
#   python tools/train.py configs/deeplab/deeplabv2_r101-torchvision-msc_20k-crop321_voc.py
# Not yet measured here.
_base_ = ['./_base_/r101_msc.py', './_base_/voc_caffe-scales.py']

model = dict(
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True),
    backbone=dict(
        style='pytorch',
        init_cfg=dict(_delete_=True, type='Pretrained', checkpoint='torchvision://resnet101')))
