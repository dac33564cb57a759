# FCIS from the ResNet-50 that torchvision serves: the way to train it without a local file.  Deviates from the released
# setting in the backbone only (stride on the 3x3 convolution, input divided by std, torch's first pooling).
# Paper, with its own ResNet-50: mask AP 27.1 (test-dev).
#   tools/dist_train.sh configs/fcis/fcis_r50-dc5-torchvision_8xb1-240k_coco.py 8
# Not yet measured here.
_base_ = './_base_/coco.py'

model = dict(
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    backbone=dict(type='ResNet', depth=50, style='pytorch', init_cfg=dict(checkpoint='torchvision://resnet50')))
