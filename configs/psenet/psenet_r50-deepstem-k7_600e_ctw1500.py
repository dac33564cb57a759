# PSENet on CTW1500 with the released code's ResNet-50 (three 3x3 convolutions in
# the stem, 128 channels after it): what mmseg-plugins convert-weights psenet-official
# converts to.  First, as the released code: the ImageNet weights of this stem
#   mmseg-plugins convert-weights resnet50-deepstem resnet50-imagenet.pth checkpoints/resnet50_deepstem.pth
#   tools/dist_train.sh configs/psenet/psenet_r50-deepstem-k7_600e_ctw1500.py 4
# Not yet measured here.
_base_ = './_base_/ctw1500.py'

model = dict(
    backbone=dict(deep_stem=True, stem_channels=128, init_cfg=dict(checkpoint='checkpoints/resnet50_deepstem.pth')))
