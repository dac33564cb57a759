"""DeepLab's heads over VGG-16: the classifier's fc6, fc7, fc8 as convolutions with a large field of view.

Papers: DeepLab v1, "Semantic Image Segmentation with Deep Convolutional Nets and Fully Connected CRFs",
https://arxiv.org/abs/1412.7062; v2, https://arxiv.org/abs/1606.00915 (ASPP over VGG-16).
Source of the layers: https://github.com/wangleihitcs/DeepLab-V1-PyTorch/blob/950b489c43d539acd585d5296ae2a5a90360cbb4/nets/vgg.py

Shapes: B images, C classes, D channels of the map, F of fc6 and fc7, h x w cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmcv.cnn import ConvModule
from mmseg.models.utils import resize
from torch import Tensor, nn

from mmseg_plugins.registry import MODELS

from .own_classifier_head import OwnClassifierHead

CLASSIFIER_INIT = dict(type='Normal', std=0.01, override=dict(name='fc8'))


@MODELS.register_module()
class LargeFOVHead(OwnClassifierHead):
    """One or several branches fc6 (dilated) - fc7 (1 x 1) - fc8 (1 x 1), whose scores are added.

    .. code-block:: none

        map -> [average 3 x 3] -+-> fc6.0 (k x k, dilation r0) -> fc7.0 -> fc8.0 -+
                                +-> fc6.1 (k x k, dilation r1) -> fc7.1 -> fc8.1 -(+)-> scores
                                +-> ...

    v1's LargeFOV is one branch with dilation 12 after an average pool; v2's ASPP-L is four branches with dilations
    6, 12, 18, 24 without it, ASPP-S has 2, 4, 8, 12.

    Args:
        in_channels: D.
        dilations: Of each branch's fc6.
        fc_channels: F; 1024, in v1's earlier nets 4096.
        kernel_size: Of fc6: 3; v1's earlier nets 7 (dilation 4) and 4 (dilation 4).
        average_pool: v1's pool5a: 3 x 3, stride 1, the zeros of its margin counted.
        dropout: After fc6 and fc7, of single values.
        kwargs: Of ``OwnClassifierHead``.  ``norm_cfg`` puts a norm after fc6 and fc7, which no paper does.

    Shape:
        The map of ``in_index`` (B, D, h, w) -> scores (B, C, h, w).

    Raises:
        ValueError: ``kernel_size`` and a dilation that cannot keep the map's size.
    """

    def __init__(self,
                 in_channels: int | list[int],
                 *,
                 num_classes: int,
                 dilations: Sequence[int] = (12, ),
                 fc_channels: int = 1024,
                 kernel_size: int = 3,
                 average_pool: bool = True,
                 dropout: float = 0.5,
                 init_cfg: dict | list | None = None,
                 **kwargs: Any) -> None:
        super().__init__(in_channels, num_classes=num_classes, init_cfg=init_cfg or CLASSIFIER_INIT, **kwargs)
        for dilation in dilations:
            if dilation * (kernel_size - 1) % 2:
                raise ValueError(f'{type(self).__name__}: kernel_size={kernel_size} with dilation {dilation} of '
                                 f'dilations={tuple(dilations)} changes the size of the map; dilation x '
                                 '(kernel_size - 1) must be even')
        width = self.in_channels if isinstance(self.in_channels, int) else self.in_channels[-1]
        layer: dict[str, Any] = dict(conv_cfg=self.conv_cfg, norm_cfg=self.norm_cfg, act_cfg=self.act_cfg)
        self.average_pool = nn.AvgPool2d(3, stride=1, padding=1) if average_pool else nn.Identity()
        self.fc6 = nn.ModuleList(
            ConvModule(width, fc_channels, kernel_size, padding=rate * (kernel_size - 1) // 2, dilation=rate, **layer)
            for rate in dilations)
        self.fc7 = nn.ModuleList(ConvModule(fc_channels, fc_channels, 1, **layer) for _ in dilations)
        self.fc8 = nn.ModuleList(
            nn.Conv2d(self.score_channels(fc_channels), self.out_channels, 1) for _ in dilations)
        self.drop = nn.Dropout(dropout)

    def score_channels(self, fc_channels: int) -> int:
        """Channels that fc8 reads."""
        return fc_channels

    def features(self, x: Tensor) -> list[Tensor]:
        """fc7 of each branch, (B, F, h, w), from the map (B, D, h, w)."""
        x = self.average_pool(x)
        return [self.drop(fc7(self.drop(fc6(x)))) for fc6, fc7 in zip(self.fc6, self.fc7, strict=True)]

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Scores (B, C, h, w) from the backbone's maps."""
        features = self.features(self._transform_inputs(inputs))
        scores = [fc8(feature) for fc8, feature in zip(self.fc8, features, strict=True)]
        return torch.stack(scores).sum(0) if len(scores) > 1 else scores[0]


@MODELS.register_module()
class MScLargeFOVHead(LargeFOVHead):
    """v1's DeepLab-MSc-LargeFOV: finer maps join the features before the classifier.

    .. code-block:: none

        image, pool1, pool2, pool3, pool4 -> 3 x 3 (128) -> 1 x 1 (128) each -+
        last map -> average -> fc6 -> fc7 ------------------------------------+-> concatenated -> fc8

    From the paper's section on multi-scale prediction; the released network was not seen.  Decided here: the 3 x 3
    convolution has the stride that brings its map to the last one's grid, and a map that is still off by a cell (ceil
    pooling) is resized.

    Args:
        in_channels: Of the maps of ``in_index``, the last map last: over ``WithImage(VGG)``
            ``in_index=[-1, 0, 1, 2, 3, 4]``, ``in_channels=[3, 64, 128, 256, 512, 512]``.
        fine_strides: Of the 3 x 3 convolution on each finer map.
        fine_channels: 128.
        kwargs: Of ``LargeFOVHead``; one dilation.

    Raises:
        ValueError: not one stride for each finer map, or more than one dilation.
    """

    several_maps = True

    def __init__(self,
                 in_channels: list[int],
                 *,
                 fine_strides: Sequence[int] = (8, 4, 2, 1, 1),
                 fine_channels: int = 128,
                 dilations: Sequence[int] = (12, ),
                 **kwargs: Any) -> None:
        if len(fine_strides) != len(in_channels) - 1 or len(dilations) != 1:
            raise ValueError(f'MScLargeFOVHead: fine_strides={tuple(fine_strides)} needs {len(in_channels) - 1} '
                             f'numbers, one for each of in_channels={list(in_channels)} but the last, and '
                             f'dilations={tuple(dilations)} one')
        self.joined_channels = fine_channels * len(fine_strides)
        super().__init__(in_channels, dilations=dilations, **kwargs)
        layer: dict[str, Any] = dict(conv_cfg=self.conv_cfg, norm_cfg=self.norm_cfg, act_cfg=self.act_cfg)
        self.fine = nn.ModuleList(
            nn.Sequential(
                ConvModule(channels, fine_channels, 3, stride=stride, padding=1, **layer),
                ConvModule(fine_channels, fine_channels, 1, **layer))
            for channels, stride in zip(in_channels[:-1], fine_strides, strict=True))

    def score_channels(self, fc_channels: int) -> int:
        """Channels that fc8 reads."""
        return fc_channels + self.joined_channels

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Scores (B, C, h, w) from the backbone's maps."""
        *finer, last = self._transform_inputs(inputs)
        feature, = self.features(last)
        joined = [feature]
        for block, x in zip(self.fine, finer, strict=True):
            x = block(x)
            if x.shape[2:] != feature.shape[2:]:
                x = resize(x, size=feature.shape[2:], mode='bilinear', align_corners=self.align_corners, warning=False)
            joined.append(x)
        return self.fc8[0](torch.cat(joined, 1))
