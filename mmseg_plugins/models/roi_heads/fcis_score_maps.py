"""The network of FCIS's head: position-sensitive score maps, and what is read from an RoI of them.

Paper: "Fully Convolutional Instance-aware Semantic Segmentation", https://arxiv.org/abs/1611.07709, sections 3.1, 3.2.
Original code (MIT): https://github.com/msracver/FCIS/blob/309f6c9a1669bf05a955b66519a807951e70197f/fcis/symbols/resnet_v1_101_fcis.py

Shapes: B images, C channels, K object classes (class 0 is background, so K + 1 in all), k groups a side, N RoIs, p x p
bins, H x W map pixels.  Side 0 is "outside the object", side 1 "inside".
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from mmengine.model import BaseModule, normal_init
from torch import Tensor, nn

from mmseg_plugins.models.layers import conv_block, note_init

SIDES = 2
DELTAS = 4
BOX_GROUPS = 2  # background and object; only the second is read


class ScoreMaps(NamedTuple):
    """Maps of one feature level: ``seg`` (B, 2 (K + 1) k k, H, W) and ``box`` (B, 4 k k, H, W), the object's group."""

    seg: Tensor
    box: Tensor


class FCISScoreMaps(BaseModule):
    """1x1 convolution + ReLU, then one 1x1 convolution each for the class/mask maps and for the box maps.

    .. code-block:: none

        feature [-convs->] -conv-> ReLU --+-cls_seg-> channel ((2 class + side) k + row group) k + column group
                               +-bbox----> channel ((4 group + delta) k + row group) k + column group

    Args:
        in_channels: C of the feature.
        num_classes: K.
        feat_channels: Channels after the first convolution; 1024 in the original.
        group_size: k.  7 in the original; 1 makes the maps translation invariant (the paper's ablation).
        num_convs: 3x3 convolutions + norm + ReLU (C -> C) in front.  None in the original, where conv5 does this work
            at the map's own stride; a pyramid's map comes out of a linear layer.
        norm_cfg: Norm of these convolutions.
    """

    def __init__(self,
                 in_channels: int,
                 num_classes: int,
                 feat_channels: int = 1024,
                 group_size: int = 7,
                 num_convs: int = 0,
                 norm_cfg: dict | None = None,
                 init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.in_channels = in_channels
        self.group_size = group_size
        cells = group_size**2
        block: dict[str, Any] = dict(where='in_channels of FCISHead', norm_cfg=norm_cfg, act_cfg=dict(type='ReLU'))
        self.convs = nn.Sequential(*(conv_block(in_channels, in_channels, 3, **block) for _ in range(num_convs)))
        self.conv = nn.Conv2d(in_channels, feat_channels, 1)
        self.cls_seg = nn.Conv2d(feat_channels, SIDES * (num_classes + 1) * cells, 1)
        self.bbox = nn.Conv2d(feat_channels, BOX_GROUPS * DELTAS * cells, 1)

    def init_weights(self) -> None:
        """All convolutions: N(0, 0.01), bias 0, as in the original; then what ``init_cfg`` says."""
        for layer in (self.conv, self.cls_seg, self.bbox):
            normal_init(layer, std=0.01)
        note_init(self, 'FCIS: normal, std 0.01, bias 0')
        super().init_weights()

    def forward(self, x: Tensor) -> ScoreMaps:
        """Map a feature (B, C, H, W) to the score maps."""
        x = self.conv(self.convs(x)).relu()
        return ScoreMaps(self.cls_seg(x), self.bbox(x)[:, DELTAS * self.group_size**2:])


class SidesOfClasses(NamedTuple):
    """What pooled class/mask maps mean.

    Attributes:
        cls_logit: (N, K + 1), column 0 is background.
        mask_logit: (N, K + 1, 2, p, p), outside and inside of every class.
    """

    cls_logit: Tensor
    mask_logit: Tensor


def joint_logits(pooled: Tensor) -> SidesOfClasses:
    """FCIS: one pair of maps answers both questions (N, 2 (K + 1), p, p).

    A pixel belongs to the class, inside or outside of this object, as far as the larger of its two scores says; it
    belongs to the object as far as the inside score exceeds the outside one.  Class logit: mean over the bins of the
    larger score.
    """
    sides = pooled.unflatten(1, (-1, SIDES))  # (N, 2 (K + 1), p, p) -> (N, K + 1, 2, p, p)
    return SidesOfClasses(sides.amax(2).mean((-2, -1)), sides)


def separate_logits(pooled: Tensor) -> SidesOfClasses:
    """The paper's ablation "separate score maps": the same number of maps, half of them for each question.

    Side 0 is averaged to the class logit; side 1 is the logit of "inside", that of "outside" is 0.
    """
    cls_maps, inside = pooled.unflatten(1, (-1, SIDES)).unbind(2)
    return SidesOfClasses(cls_maps.mean((-2, -1)), torch.stack([torch.zeros_like(inside), inside], 2))


def box_deltas(pooled: Tensor) -> Tensor:
    """Mean over the bins: (N, 4, p, p) -> normalised deltas (N, 4)."""
    return pooled.mean((-2, -1))


def masks_of(mask_logit: Tensor, classes: Tensor) -> Tensor:
    """Pick each RoI's class: (N, K + 1, 2, p, p) and (N,) -> (N, 2, p, p)."""
    return mask_logit[torch.arange(len(classes), device=classes.device), classes]


def picked_classes(cls_logit: Tensor, with_background: bool) -> Tensor:
    """The class (N,) whose mask an RoI shows: the best object class, 1..K, or the best of all classes."""
    return cls_logit.argmax(1) if with_background else cls_logit[:, 1:].argmax(1) + 1
