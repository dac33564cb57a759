# DeepLab v2 over VGG-16, ASPP-S: dilations 2, 4, 8, 12.
# Start: torchvision's vgg16, RGB pixels; training without checkpoints/vgg16_aspp.pth names the command that makes it.
#   python tools/train.py configs/deeplab/deeplabv2_vgg16-aspp-s_20k-crop321_voc.py
# Not yet measured here.
_base_ = ['./_base_/vgg16.py', './_base_/voc_caffe.py']

model = dict(
    decode_head=dict(dilations=(2, 4, 8, 12), average_pool=False),
    init_cfg=dict(checkpoint='checkpoints/vgg16_aspp.pth'))
