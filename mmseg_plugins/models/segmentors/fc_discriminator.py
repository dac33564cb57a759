"""A fully convolutional discriminator of label maps.

Paper: "Adversarial Learning for Semi-Supervised Semantic Segmentation", https://arxiv.org/abs/1802.07934.
Original code: https://github.com/hfslyc/AdvSemiSeg/blob/841d546/model/discriminator.py (no license file).
"""

from __future__ import annotations

import itertools

from torch import Tensor, nn

from mmseg_plugins.registry import MODELS


@MODELS.register_module()
class FCDiscriminator(nn.Module):
    """Four convolutions of kernel 4 and stride 2 with LeakyReLU .2 between, a fifth that scores; no norm.

    Args:
        num_classes: K, channels of the label maps.
        channels: After the first convolution; each of the next three doubles them.

    Shape:
        Probabilities or one-hot labels (B, K, H, W) -> logits of "ground truth" (B, 1, H // 32, W // 32), H, W >= 32.
    """

    def __init__(self, num_classes: int, channels: int = 64) -> None:
        super().__init__()
        widths = [num_classes, *(channels * 2**step for step in range(4))]
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(widths):
            layers += [nn.Conv2d(before, after, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, 2, 1))

    def forward(self, maps: Tensor) -> Tensor:
        """Score each cell."""
        return self.layers(maps)
