"""DecoupledNet's classifier of images, and the way back from its classes to the places they were seen in.

Paper: "Decoupled Deep Neural Network for Semi-supervised Semantic Segmentation", https://arxiv.org/abs/1506.04924,
sections 3.1 and 3.2.  Original (Caffe, MATLAB, research only), read for its facts:
https://github.com/HyeonwooNoh/DecoupledNet/tree/ebd21306acb9b7248d3b735519abfa331d27ff7a

Shapes: B images, K classes (the background is none of them), C channels and H x W cells of the map that is read,
F channels of fc6 and fc7, h x w = (H - k + 1) x (W - k + 1) cells of the scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmseg_plugins.registry import MODELS


class Reading(NamedTuple):
    """What the classifier saw.

    Attributes:
        scores: (B, K, h, w), before any pooling.
        active6, active7: (B, F, h, w) bool: where fc6 and fc7 are above 0.
    """

    scores: Tensor
    active6: Tensor
    active7: Tensor

    def of(self, image: int) -> Reading:
        """The same of one image, (1, ...)."""
        return Reading(*(one[image:image + 1] for one in self))

    @property
    def probabilities(self) -> Tensor:
        """(B, K): the sigmoid of the mean score."""
        return self.scores.mean((2, 3)).sigmoid()

    @property
    def peak_probabilities(self) -> Tensor:
        """(B, K): the sigmoid of the greatest score."""
        return self.scores.amax((2, 3)).sigmoid()


@MODELS.register_module()
class MultiLabelHead(BaseModule):
    """VGG's fully connected layers as convolutions, which say of every class whether an image holds it.

    .. code-block:: none

        map -> fc6 (k x k) -> ReLU -> fc7 (1 x 1) -> ReLU -> score -> mean over the cells -> sigmoid

    Class 0 of the data is the background and has no score: the scores are those of classes 1 .. K.

    Args:
        in_channels: C.
        num_classes: K + 1, the background included, as everywhere in mmseg.
        in_index: Which of the backbone's maps is read.
        fc_channels: F.
        fc_kernel: k; 7 is VGG's.
        dropout: Rate after fc6 and fc7, in training.
        init_cfg: Default: MSRA weights, N(0, .01) for the scores.  ``dict(type='Pretrained', checkpoint=...)`` reads
            ``fc6`` and ``fc7`` of ``mmseg-plugins convert-weights vgg16-fcn``.

    Shape:
        ``forward``: the backbone's maps -> scores (B, K, h, w).

    Raises:
        ValueError: no class but the background; a map smaller than k x k.
    """

    def __init__(self,
                 in_channels: int = 512,
                 *,
                 num_classes: int,
                 in_index: int = 4,
                 fc_channels: int = 4096,
                 fc_kernel: int = 7,
                 dropout: float = 0.5,
                 init_cfg: dict | list | None = None) -> None:
        if num_classes < 2:
            raise ValueError(f'MultiLabelHead: num_classes={num_classes} counts the background, it must be 2 or more')
        super().__init__(init_cfg=init_cfg or dict(
            type='Kaiming', layer='Conv2d', mode='fan_in', override=dict(type='Normal', name='score', std=0.01)))
        self.in_channels, self.in_index, self.num_classes = in_channels, in_index, num_classes
        self.fc_kernel = fc_kernel
        self.fc6 = nn.Conv2d(in_channels, fc_channels, fc_kernel)
        self.fc7 = nn.Conv2d(fc_channels, fc_channels, 1)
        self.score = nn.Conv2d(fc_channels, num_classes - 1, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Scores of each cell."""
        return self.read(inputs).scores

    def read(self, inputs: Sequence[Tensor]) -> Reading:
        """Scores of each cell and which units were active."""
        x = inputs[self.in_index]
        if min(x.shape[-2:]) < self.fc_kernel:
            raise ValueError(f'MultiLabelHead: the map has {x.shape[-2]} x {x.shape[-1]} cells, fc6 needs at least '
                             f'{self.fc_kernel} x {self.fc_kernel}; give larger images, or set a smaller fc_kernel')
        fc6 = self.fc6(x).relu()
        fc7 = self.fc7(self.dropout(fc6)).relu()
        return Reading(self.score(self.dropout(fc7)), fc6 > 0, fc7 > 0)

    def loss(self, inputs: Sequence[Tensor], labels: Tensor) -> dict[str, Tensor]:
        """Sigmoid cross entropy of the mean scores, summed over the classes, averaged over the images, as in Caffe.

        Args:
            labels: (B, K), 1 where the image holds the class, else 0.
        """
        scores = self.forward(inputs).mean((2, 3))
        right = ((scores > 0) == (labels > 0.5)).all(1).float().mean() * 100
        total = F.binary_cross_entropy_with_logits(scores, labels, reduction='sum')
        return dict(loss_cls=total / len(labels), acc_exact=right)

    def bridge(self, reading: Reading, labels: Tensor) -> Tensor:
        """The map's share in classes: the gradient of their greatest scores, weighted by ``labels``.

        Each class starts at the cell of its greatest score and goes back through the layers' transposed weights, where
        the units were active.  This is sum_k labels_k d max(score_k) / d map.

        Args:
            reading: Of the same images, or of one for all.
            labels: (B, K).

        Returns:
            (B, C, H, W).
        """
        scores, active6, active7 = (one.expand(len(labels), -1, -1, -1) for one in reading)
        peaks = scores.flatten(2).argmax(2, keepdim=True)  # (B, K, 1); the first of equal ones
        start = torch.zeros_like(scores).flatten(2).scatter(2, peaks, labels.unsqueeze(2).to(scores))
        back7 = F.conv_transpose2d(start.view_as(scores), self.score.weight) * active7
        back6 = F.conv_transpose2d(back7, self.fc7.weight) * active6
        return F.conv_transpose2d(back6, self.fc6.weight)

    def coarse_map(self, reading: Reading, size: tuple[int, int], threshold: float) -> Tensor:
        """Probabilities of all classes at each pixel of an image of ``size``, as far as the classifier alone tells.

        Each cell's sigmoids, those at the border repeated to the border of the map and resized; classes whose mean
        score is not above ``threshold`` are left out, the background is 1 minus the greatest.

        Returns:
            (B, K + 1, *size); they do not sum to 1.
        """
        present = (reading.probabilities > threshold)[..., None, None]
        low, high = (self.fc_kernel - 1) // 2, self.fc_kernel // 2
        cells = F.pad(reading.scores.sigmoid() * present, (low, high, low, high), mode='replicate')
        pixels = F.interpolate(cells, size=size, mode='bilinear', align_corners=False)
        return torch.cat([1 - pixels.amax(1, keepdim=True), pixels], 1)
