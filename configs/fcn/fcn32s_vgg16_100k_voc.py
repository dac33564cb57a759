# FCN-32s on PASCAL VOC from ImageNet weights: the first of three stages.
# Paper: mean IU 63.6 on seg11valid.
# torchvision's VGG-16 (RGB) instead of Caffe's.
#   python tools/train.py configs/fcn/fcn32s_vgg16_100k_voc.py
# Not yet measured here.
_base_ = './_base_/voc.py'

base_lr = 1e-10  # of the summed loss

model = dict(
    backbone=dict(net=dict(init_cfg=dict(type='Pretrained', checkpoint='torchvision://vgg16'))),
    decode_head=dict(in_channels=[4096, 3]))
optim_wrapper = dict(optimizer=dict(lr=base_lr))
