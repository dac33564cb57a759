"""DeepLab v2's head over ResNets.

Paper: https://arxiv.org/abs/1606.00915, section 3.2.
Source: https://github.com/kazuto1011/deeplab-pytorch/blob/4219467fa5de07985f834f1bd8c04c186dc8f6d8/libs/models/deeplabv2.py

Shapes: B images, C classes, D channels of the map, h x w cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmseg_plugins.registry import MODELS

from .own_classifier_head import OwnClassifierHead


@MODELS.register_module()
class DeepLabV2Head(OwnClassifierHead):
    """Classifiers of 3 x 3 with different dilations, read side by side and added: v2's atrous spatial pyramid.

    Nothing else: no norm, no 1 x 1 branch, no image pooling, no dropout (all of which stock ``ASPPHead``, v3's, has).
    One dilation of 12 is v2's LargeFOV variant.

    Args:
        in_channels: D.
        dilations: Of each classifier.
        kwargs: Of ``OwnClassifierHead``; v2 has ``label_stride=8``.

    Shape:
        The map of ``in_index`` (B, D, h, w) -> scores (B, C, h, w).
    """

    def __init__(self,
                 in_channels: int,
                 *,
                 num_classes: int,
                 dilations: Sequence[int] = (6, 12, 18, 24),
                 init_cfg: dict | list | None = None,
                 **kwargs: Any) -> None:
        super().__init__(
            in_channels, num_classes=num_classes, init_cfg=init_cfg or dict(type='Normal', layer='Conv2d', std=0.01),
            **kwargs)
        self.branches = nn.ModuleList(
            nn.Conv2d(self.in_channels, self.out_channels, 3, padding=rate, dilation=rate) for rate in dilations)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Scores (B, C, h, w) from the backbone's maps."""
        x = self._transform_inputs(inputs)
        return torch.stack([branch(x) for branch in self.branches]).sum(0)
