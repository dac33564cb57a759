# DilatedNet's front-end with the released code's input, BGR images in 0..255 minus CamVid's mean, from a VGG-16 trained
# in Caffe, which reads such pixels: the first of three stages.
#   python tools/train.py configs/dilation/dilation_vgg16-caffe-frontend_20k-crop628_camvid.py
# Not yet measured here.
_base_ = './_base_/camvid.py'

vgg16 = 'checkpoints/vgg16_caffe.pth'  # mmseg-plugins convert-weights vgg16-fcn makes it
model = dict(
    data_preprocessor=_base_.caffe_pixels,
    backbone=dict(net=dict(init_cfg=dict(type='Pretrained', checkpoint=vgg16))),
    decode_head=dict(init_cfg=dict(type='Pretrained', checkpoint=vgg16)))
