# DilatedNet's front-end on CamVid from torchvision's VGG-16 (fc6 and fc7 as
# convolutions): the first of three stages.
#   python tools/train.py configs/dilation/dilation_vgg16-frontend_20k-crop628_camvid.py
# Not yet measured here.
_base_ = './_base_/camvid.py'

model = dict(
    backbone=dict(net=dict(init_cfg=dict(type='Pretrained', checkpoint='torchvision://vgg16'))),
    decode_head=dict(init_cfg=dict(type='Pretrained', checkpoint='torchvision://vgg16')))
