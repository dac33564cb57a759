# DeepLab v2 ResNet-101 with one dilated classifier (LargeFOV) instead of four (ASPP).
# Published: 75.54 mIoU on VOC val.
# First: mmseg-plugins convert-weights deeplabv2-kazuto1011-backbone deeplabv1_resnet101-coco.pth
#        checkpoints/deeplabv2_r101_coco.pth
#   python tools/train.py configs/deeplab/deeplabv2_r101-largefov-msc_20k-crop321_voc.py
# Not yet measured here.
_base_ = ['./_base_/r101_msc.py', './_base_/voc_caffe-scales.py']

model = dict(decode_head=dict(dilations=(12, )))
