# DeepLab v2 ResNet-101: ASPP, three scales fused by maximum, four losses laid out as in the Caffe training net.
# Published: 76.35 mIoU on VOC val, 77.69 with the dense CRF (COCO start); kazuto1011's port: 76.65, 77.93.
# First: mmseg-plugins convert-weights deeplabv2-kazuto1011-backbone deeplabv1_resnet101-coco.pth
#        checkpoints/deeplabv2_r101_coco.pth
#   python tools/train.py configs/deeplab/deeplabv2_r101-msc_20k-crop321_voc.py
# Not yet measured here.
_base_ = ['./_base_/r101_msc.py', './_base_/voc_caffe-scales.py']
