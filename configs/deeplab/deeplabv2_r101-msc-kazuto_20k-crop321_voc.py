# DeepLab v2 ResNet-101 exactly as kazuto1011/deeplab-pytorch computes it: scales by factor, no aligned corners, each
# loss on its own grid with the label under the center of each cell, images of any size in the test.
# Published there: 76.65 mIoU on VOC val, 77.93 with the dense CRF.
# First: mmseg-plugins convert-weights deeplabv2-kazuto1011-backbone deeplabv1_resnet101-coco.pth
#        checkpoints/deeplabv2_r101_coco.pth
#   python tools/train.py configs/deeplab/deeplabv2_r101-msc-kazuto_20k-crop321_voc.py
# Not yet measured here.
_base_ = ['./_base_/r101_msc.py', './_base_/voc_caffe-scales.py']

model = dict(
    data_preprocessor=dict(test_cfg=None),
    scales=(1.0, 0.5, 0.75),
    own_grids=(0.5, 0.75),
    label_sampling='center',
    decode_head=dict(align_corners=False))
