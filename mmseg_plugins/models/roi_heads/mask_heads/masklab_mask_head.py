"""MaskLab's mask branch: semantic and direction logits, assembled per box, then refined.

Paper: "MaskLab: Instance Segmentation by Refining Object Detection with Semantic and Direction Features",
https://arxiv.org/abs/1712.04837, section 3.  The authors' code (TensorFlow) was not published; this file and
configs/masklab/README.md say what was decided where the paper is silent.

Shapes: B images, N RoIs (batch index, x1, y1, x2, y2 in input-image pixels), K classes, D directions, R distance bins,
n x n points of a crop, box edges included.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from mmdet.registry import MODELS as MMDET_MODELS
from mmengine.model import BaseModule, constant_init, normal_init
from torch import Tensor, nn
from torch.nn.modules.utils import _pair

from mmseg_plugins.models.layers import HypercolumnRefinement, note_init
from mmseg_plugins.ops import crop_channel, direction_pool
from mmseg_plugins.registry import MODELS

FUSE_WEIGHTS = dict(semantic=0.5, direction=1.0)


class MaskLogits(NamedTuple):
    """Mask logits of N RoIs, (N, 1, n, n) each; ``refined`` is ``None`` in a head without refinement."""

    coarse: Tensor
    refined: Tensor | None

    @property
    def final(self) -> Tensor:
        """What becomes the mask."""
        return self.coarse if self.refined is None else self.refined


@MODELS.register_module()
class MaskLabMaskHead(BaseModule):
    """Class-agnostic masks from class-wise semantic logits and class-agnostic direction logits.

    .. code-block:: none

        maps[logits_index] -> conv_semantic  (K)     -> channel of the label, cropped --+
                           -> conv_direction (D * R) -> direction pooling --------------+-> fuse (1 x 1) -> coarse
        coarse, maps[refine.indices] -> refinement -> refined

    It reads whole maps and therefore needs ``MaskLabRoIHead``.

    Args:
        num_classes: K.
        in_channels: Channels of ``maps[logits_index]``.
        logits_index: Which map feeds both logits, of those that the neck (or the backbone) gives; the paper's conv5.
        logits_stride: Its stride.
        mask_size: n, or (n_h, n_w); ``train_cfg.rcnn.mask_size`` is not read.
        semantic: Whether semantic logits take part.
        direction: Whether direction logits take part.
        num_directions: D.
        num_distances: R; 1 for directions only.
        refine: Arguments of ``HypercolumnRefinement``; ``None`` for none.
        loss_coarse, loss_refined: Losses of (N, n, n) logits and targets.

    Raises:
        ValueError: neither kind of logits; a map is missing or does not have the channels or the stride said here.
    """

    def __init__(self,
                 *,
                 num_classes: int,
                 in_channels: int,
                 logits_index: int,
                 logits_stride: int,
                 mask_size: int | tuple[int, int] = 41,
                 semantic: bool = True,
                 direction: bool = True,
                 num_directions: int = 8,
                 num_distances: int = 4,
                 refine: dict | None = None,
                 loss_coarse: dict | None = None,
                 loss_refined: dict | None = None,
                 init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        if not (semantic or direction):
            raise ValueError('MaskLabMaskHead: semantic=False and direction=False leave nothing to make a mask from; '
                             'switch one of them on')
        self.num_classes = num_classes
        self.in_channels = in_channels
        self.logits_index = logits_index
        self.logits_stride = logits_stride
        self.mask_size: tuple[int, int] = _pair(mask_size)
        self.num_directions = num_directions
        self.num_distances = num_distances
        self.conv_semantic = nn.Conv2d(in_channels, num_classes, 1) if semantic else None
        self.conv_direction = nn.Conv2d(in_channels, num_directions * num_distances, 1) if direction else None
        self.fuse = nn.Conv2d(int(semantic) + int(direction), 1, 1)
        self.refinement = HypercolumnRefinement(**refine) if refine else None
        self.loss_coarse = MMDET_MODELS.build(loss_coarse or dict(type='mmseg_plugins.MaskBCELoss'))
        self.loss_refined = None
        if refine:
            self.loss_refined = MMDET_MODELS.build(loss_refined or dict(type='mmseg_plugins.MaskBCELoss'))

    def init_weights(self) -> None:
        """Logits: N(0, 0.01), bias 0.  Fusion: 0.5 for semantic, 1 for direction (the paper's), 1 for a lone one.
        Then what ``init_cfg`` says."""
        if self.refinement is not None:
            self.refinement.init_weights()
        for conv in (self.conv_semantic, self.conv_direction):
            if conv is not None:
                normal_init(conv, std=0.01)
                note_init(conv, 'normal, std 0.01, bias 0')
        weights = list(FUSE_WEIGHTS.values()) if self.fuse.in_channels == 2 else [1.0]
        constant_init(self.fuse, 0.0)
        with torch.no_grad():
            self.fuse.weight.copy_(torch.tensor(weights).view(1, -1, 1, 1))
        note_init(self.fuse, f'weights {weights}, bias 0')
        super().init_weights()

    def forward(self,
                maps: Sequence[Tensor],
                rois: Tensor | None = None,
                labels: Tensor | None = None) -> MaskLogits:
        """Mask logits of ``rois`` (N, 5) with classes ``labels`` (N, ) in 0..K - 1."""
        if rois is None or labels is None:
            raise TypeError('MaskLabMaskHead reads whole maps, boxes and labels, but was called with one argument, as '
                            'StandardRoIHead does with pooled features; use it in mmseg_plugins.MaskLabRoIHead')
        source = maps[self.logits_index]
        scale = 1 / self.logits_stride
        parts = []
        if self.conv_semantic is not None:
            parts.append(crop_channel(self.conv_semantic(source), rois, labels, self.mask_size, scale, 'border'))
        if self.conv_direction is not None:
            parts.append(
                direction_pool(
                    self.conv_direction(source), rois, self.mask_size, scale, self.num_directions, self.num_distances,
                    'border'))
        coarse = self.fuse(torch.cat(parts, dim=1))  # (N, 2, n, n) -> (N, 1, n, n)
        refined = None if self.refinement is None else self.refinement(coarse, maps, rois)
        return MaskLogits(coarse, refined)

    def loss(self, logits: MaskLogits, targets: Tensor) -> dict[str, Tensor]:
        """``loss_mask_coarse`` and, with refinement, ``loss_mask_refined``; targets (N, n, n) in [0, 1]."""
        losses = dict(loss_mask_coarse=self.loss_coarse(logits.coarse[:, 0], targets))
        if logits.refined is not None:
            assert self.loss_refined is not None
            losses['loss_mask_refined'] = self.loss_refined(logits.refined[:, 0], targets)
        return losses

    def check_maps(self, maps: Sequence[Tensor], input_size: tuple[int, int]) -> None:
        """Compare indices, channels and strides with the maps of an input of H x W pixels; see ``Raises``."""
        wanted = [('logits_index', self.logits_index, self.in_channels, self.logits_stride)]
        if self.refinement is not None:
            wanted += [('refine.indices', *one) for one in zip(
                self.refinement.indices, self.refinement.channels, self.refinement.strides, strict=True)]
        given = ', '.join(f'{i}: {feat.size(1)} channels {feat.size(2)} x {feat.size(3)}'
                          for i, feat in enumerate(maps))
        for name, index, channels, stride in wanted:
            said = f'MaskLabMaskHead: {name} names map {index} with {channels} channels and stride {stride}'
            given_here = f'the neck (or the backbone) gives {given} for an input of {input_size[0]} x {input_size[1]}'
            if not 0 <= index < len(maps) or maps[index].size(1) != channels:
                raise ValueError(f'{said}, but {given_here}; correct the index or the channels')
            off = [abs(size * stride - pixels) for size, pixels in zip(maps[index].shape[2:], input_size, strict=True)]
            if max(off) >= 2 * stride:
                raise ValueError(f'{said}, but {given_here}; correct the stride or the index')
