"""mmseg's MobileNetV2 with the expansion that most implementations leave out.

The first inverted residual block has an expansion ratio of 1.  torchvision, mmseg and mmpretrain leave its 1 x 1
convolution out; the network of Light-Weight RefineNet keeps it (32 -> 32, batch norm, ReLU6), and so do its weights.

Source:
https://github.com/DrSleep/light-weight-refinenet/blob/538fe8b39327d8343763b859daf7b9d03a05396e/models/mobilenet.py
"""

from __future__ import annotations

from typing import Any

from mmcv.cnn import ConvModule
from torch import nn

from mmseg_plugins.registry import MODELS


@MODELS.register_module()
def ExpandedMobileNetV2(**kwargs: Any) -> nn.Module:
    """Build mmseg's ``MobileNetV2`` and give its first block a 1 x 1 convolution as all others have.

    The result is the host's class; only ``layer1.0.conv`` has one member more, in front.

    Args:
        kwargs: Of ``mmseg.MobileNetV2``.  Light-Weight RefineNet reads ``out_indices=(1, 2, 3, 4, 5, 6)``: 24, 32, 64,
            96, 160 and 320 channels at strides 4, 8, 16, 16, 32, 32.

    Shape:
        (B, 3, H, W) -> the maps of ``out_indices``; after each stride of 2 a side n has ceil(n / 2) cells.
    """
    net = MODELS.build(dict(type='mmseg.MobileNetV2', **kwargs))
    block = net.layer1[0].conv
    channels = block[0].in_channels
    expansion = ConvModule(
        channels, channels, 1, conv_cfg=net.conv_cfg, norm_cfg=net.norm_cfg, act_cfg=net.act_cfg)
    block.insert(0, expansion)
    return net
