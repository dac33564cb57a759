# DeepLab v1 LargeFOV with v2's schedule: batch 10, 20,000 steps, polynomial decay.
# Published: 65.88 mIoU on VOC val without the CRF (v2's paper).
# First: mmseg-plugins convert-weights vgg16-deeplab VGG16.pth checkpoints/vgg16_largefov.pth
#   python tools/train.py configs/deeplab/deeplabv1_vgg16-largefov-poly_20k-crop321_voc.py
# Not yet measured here.
_base_ = ['./_base_/vgg16.py', './_base_/voc_caffe.py']
