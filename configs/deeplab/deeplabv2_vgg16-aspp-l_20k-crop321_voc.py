# DeepLab v2 over VGG-16, ASPP-L: four branches fc6 - fc7 - fc8 with dilations 6, 12, 18, 24, added.
# Published: 68.96 mIoU on VOC val, 71.57 with the dense CRF.
# Start: torchvision's vgg16, RGB pixels; training without checkpoints/vgg16_aspp.pth names the command that makes it.
#   python tools/train.py configs/deeplab/deeplabv2_vgg16-aspp-l_20k-crop321_voc.py
# Not yet measured here.
_base_ = ['./_base_/vgg16.py', './_base_/voc_caffe.py']

model = dict(
    decode_head=dict(dilations=(6, 12, 18, 24), average_pool=False),
    init_cfg=dict(checkpoint='checkpoints/vgg16_aspp.pth'))
