# DeepLab v1 LargeFOV with v2's schedule: batch 10, 20,000 steps, polynomial decay.
# Published: 65.88 mIoU on VOC val without the CRF (v2's paper).
# Start: torchvision's vgg16, RGB pixels; training without checkpoints/vgg16_largefov.pth names the command that makes it.
#   python tools/train.py configs/deeplab/deeplabv1_vgg16-largefov-poly_20k-crop321_voc.py
# Not yet measured here.
_base_ = ['./_base_/vgg16.py', './_base_/voc_caffe.py']
