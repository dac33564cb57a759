# DeepLab v2 over VGG-16, ASPP-S: dilations 2, 4, 8, 12.
# First: mmseg-plugins convert-weights vgg16-deeplab VGG16.pth checkpoints/vgg16_aspp.pth --config (this file)
#   python tools/train.py configs/deeplab/deeplabv2_vgg16-aspp-s_20k-crop321_voc.py
# Not yet measured here.
_base_ = ['./_base_/vgg16.py', './_base_/voc_caffe.py']

model = dict(
    decode_head=dict(dilations=(2, 4, 8, 12), average_pool=False),
    init_cfg=dict(checkpoint='checkpoints/vgg16_aspp.pth'))
