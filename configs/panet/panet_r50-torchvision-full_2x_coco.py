# PANet, whole, from the ResNet-50 weights that torchvision serves: the way to train it without a local file.
# Deviates from the released setting in the backbone only (stride on the 3x3 convolution, RGB input divided by std).
#   tools/dist_train.sh configs/panet/panet_r50-torchvision-full_2x_coco.py 8
# Not yet measured here.
_base_ = './panet_r50-path-pooling-fusion-4conv1fc_2x_coco.py'

model = dict(
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True),
    backbone=dict(style='pytorch', init_cfg=dict(checkpoint='torchvision://resnet50')))
