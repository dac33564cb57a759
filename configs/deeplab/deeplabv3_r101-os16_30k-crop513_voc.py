# DeepLab v3: ResNet-101 at output stride 16, multi-grid 1, 2, 4, ASPP with image pooling; stock ASPPHead.
# Published (from memory, not checked): 77.21 mIoU on VOC val at output stride 16.
#   tools/dist_train.sh configs/deeplab/deeplabv3_r101-os16_30k-crop513_voc.py 4
# Not yet measured here.
_base_ = ['./_base_/r101_aspp.py', './_base_/voc_513.py']
