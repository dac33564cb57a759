"""DeepLab v2's multi-scale network: one net at several sizes of the image, the greatest score of each cell.

Paper: https://arxiv.org/abs/1606.00915, section 4.1.2 ("Multi-scale inputs": shared weights, fusion by maximum).
Sources: https://github.com/kazuto1011/deeplab-pytorch/blob/4219467fa5de07985f834f1bd8c04c186dc8f6d8/libs/models/msc.py
and main.py there; https://github.com/isht7/pytorch-deeplab-resnet (train.py), which follows the Caffe training net.

Shapes: B images of H x W pixels, C classes, h x w cells of the scores at scale 1, h_s x w_s at scale s.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import torch
import torch.nn.functional as F
from mmseg.models.segmentors import EncoderDecoder
from mmseg.utils import add_prefix
from torch import Tensor

from mmseg_plugins.models.decode_heads.own_classifier_head import OwnClassifierHead
from mmseg_plugins.models.layers.label_grid import aligned_index, center_index, pick_labels, subsample_labels
from mmseg_plugins.registry import MODELS
from mmseg_plugins.utils.deprecation import warn_renamed


@MODELS.register_module()
class MultiScaleEncoderDecoder(EncoderDecoder):
    """mmseg's ``EncoderDecoder``, run at several scales in training and in the test, fused by maximum.

    .. code-block:: none

        image ------------> net -> scores h x w  -------------------------+-> max -> fused scores h x w
        image, resized s -> net -> scores h_s x w_s -> resized to h x w --+
                                        (own_grids)      (else)
        losses: one for each scale and one for the fused scores, each with weight 1

    Any backbone, neck and head work whose ``forward`` gives one score map; auxiliary heads are trained at scale 1 only.
    The head's ``align_corners`` also rules the resizing here, so that a network whose corners are aligned stays so:

    =====================  ========================================  ====================================
    ``align_corners``      image at scale s                          as in
    =====================  ========================================  ====================================
    True                   int((H - 1) s) + 1 rows, corners aligned  Caffe: 321 -> 241 -> 161
    False                  floor(H s) rows, pixel i is read at       kazuto1011: 321 -> 240 -> 160
                           (i + .5) / s - .5
    =====================  ========================================  ====================================

    Args:
        scales: The first is 1.  The Caffe net's order is 1, .75, .5, kazuto1011's 1, .5, .75; it has no influence on
            the result but the order of the log.
        own_grids: Scales whose loss is computed on their own grid, before the resizing; by default none.  The Caffe
            training net has (.5,), kazuto1011 all of them.
        label_sampling: How labels get to the grid of the scores, for heads with ``label_stride`` S.
            ``'stride'``: ``label[::S, ::S]``; on an own grid those of them that are nearest with aligned corners,
            which for scale .5 and a side of 16k + 1 is ``label[::16, ::16]``.
            ``'center'``: the label under the center of each cell, as kazuto1011's code does with Pillow; about half a
            cell away from where a network with aligned corners looks.
            Heads without ``label_stride`` resize their scores to the label, on whatever grid they are.
        args, kwargs: Of ``EncoderDecoder``.

    Raises:
        ValueError: scales that do not begin with 1, an own grid that is no other scale, ``label_sampling='center'``
            over a head without ``label_stride``, an image too small for a scale, a head that gives no score map.
    """

    def __init__(self,
                 *args: Any,
                 scales: Sequence[float] = (1.0, 0.75, 0.5),
                 own_grids: Sequence[float] = (),
                 label_sampling: str = 'stride',
                 **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not scales or scales[0] != 1 or len(set(scales)) < len(scales) or min(scales) <= 0:
            raise ValueError(f'MultiScaleEncoderDecoder: scales={tuple(scales)} must begin with 1, be positive and '
                             'differ from each other')
        if not set(own_grids) <= set(scales[1:]):
            raise ValueError(f'MultiScaleEncoderDecoder: own_grids={tuple(own_grids)} must be among the smaller or '
                             f'larger scales {tuple(scales[1:])}')
        if label_sampling == 'centre':
            warn_renamed("label_sampling='centre'", "label_sampling='center'")
            label_sampling = 'center'
        if label_sampling not in ('stride', 'center'):
            raise ValueError(f'MultiScaleEncoderDecoder: label_sampling={label_sampling!r} must be '
                             "'stride' or 'center'")
        if label_sampling == 'center' and self.label_stride is None:
            raise ValueError(f"MultiScaleEncoderDecoder: label_sampling='center' needs a decode head with "
                             f'label_stride, {type(self.decode_head).__name__} has none; set it, or use '
                             "label_sampling='stride'")
        self.scales = tuple(scales)
        self.own_grids = frozenset(own_grids)
        self.label_sampling = label_sampling

    @property
    def label_stride(self) -> int | None:
        """The decode head's, None where the loss is computed at the size of the label."""
        return self.decode_head.label_stride if isinstance(self.decode_head, OwnClassifierHead) else None

    def _forward(self, inputs: Tensor, data_samples: list | None = None) -> Tensor:
        """Fused scores (B, C, h, w) of images (B, 3, H, W)."""
        return self.fuse(self.scale_scores(inputs, self.extract_feat(inputs)))

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Fused scores of images (B, 3, H, W) at the size of the image, (B, C, H, W)."""
        return self.decode_head.predict_by_feat(self._forward(inputs), batch_img_metas)

    def loss(self, inputs: Tensor, data_samples: list) -> dict[str, Tensor]:
        """Losses ``decode_x1.*``, ``decode_x0.75.*``, .., ``decode_max.*``, and those of auxiliary heads."""
        maps = self.extract_feat(inputs)
        scores = self.scale_scores(inputs, maps)
        fused = self.fuse(scores)
        losses: dict[str, Tensor] = {}
        for scale, own in zip(self.scales, scores, strict=True):
            grid = own if scale in self.own_grids else self.resized(own, fused)
            losses.update(add_prefix(self.grid_loss(grid, fused, data_samples), f'decode_x{scale:g}'))
        losses.update(add_prefix(self.grid_loss(fused, fused, data_samples), 'decode_max'))
        if self.with_auxiliary_head:
            losses.update(self._auxiliary_head_forward_train(maps, data_samples))
        return losses

    def scale_scores(self, inputs: Tensor, maps: Sequence[Tensor]) -> list[Tensor]:
        """Scores of each scale on its own grid; ``maps`` are those of scale 1."""
        scores = [self.decode_head.forward(maps)]
        for scale in self.scales[1:]:
            scores.append(self.decode_head.forward(self.extract_feat(self.scaled(inputs, scale))))
        if not isinstance(scores[0], Tensor):
            raise ValueError(f'MultiScaleEncoderDecoder: forward of {type(self.decode_head).__name__} gives '
                             f'{type(scores[0]).__name__}, not one map of scores; fuse only heads that give one')
        return scores

    def scaled(self, inputs: Tensor, scale: float) -> Tensor:
        """Images (B, 3, H, W) at a scale, by the rule of ``align_corners``."""
        height, width = inputs.shape[2:]
        if self.align_corners:
            # Whole numbers: 100 x .29 is 28.99.., and int() of a side would freeze it in a traced or exported net.
            part = Fraction(scale).limit_denominator(10**6)
            size = tuple((side - 1) * part.numerator // part.denominator + 1 for side in (height, width))
            return F.interpolate(inputs, size=size, mode='bilinear', align_corners=True)
        if min(height, width) * scale < 1:
            raise ValueError(f'MultiScaleEncoderDecoder: nothing is left of an image of {height} x {width} px at '
                             f'scale {scale:g}; pad images to at least {-(-1 // min(self.scales)):g} px')
        return F.interpolate(inputs, scale_factor=scale, mode='bilinear', align_corners=False)

    def resized(self, scores: Tensor, like: Tensor) -> Tensor:
        """Scores (B, C, h_s, w_s) on the grid of ``like``: (B, C, h, w)."""
        if not torch.jit.is_tracing() and scores.shape[2:] == like.shape[2:]:  # a trace is for images of any size
            return scores
        return F.interpolate(scores, size=like.shape[2:], mode='bilinear', align_corners=self.align_corners)

    def fuse(self, scores: Sequence[Tensor]) -> Tensor:
        """The greatest score of each cell and class over all scales, on the grid of scale 1."""
        first, *others = scores
        return torch.stack([first, *(self.resized(own, first) for own in others)]).max(0)[0]

    def grid_loss(self, scores: Tensor, fused: Tensor, data_samples: list) -> dict[str, Tensor]:
        """Losses of scores on whatever grid; ``fused`` has the grid of scale 1."""
        head, stride = self.decode_head, self.label_stride
        if stride is None or (self.label_sampling == 'stride' and scores.shape == fused.shape):
            return head.loss_by_feat(scores, data_samples)
        label = head._stack_batch_gt(data_samples).squeeze(1)
        size = (scores.shape[2], scores.shape[3])
        if self.label_sampling == 'center':
            return head.loss_on_grid(scores, pick_labels(label, size, center_index))
        label = subsample_labels(label, stride, (fused.shape[2], fused.shape[3]))
        return head.loss_on_grid(scores, pick_labels(label, size, aligned_index))
