"""Cross entropy of label maps with class weights, pixel weights and a choice of what the sum is divided by.

Systems with rare classes weight them, and each divides by something else; the weights of one system belong to its
divisor.  Stock ``CrossEntropyLoss(class_weight=...)`` of mmsegmentation 1.2.2 looks up the weight of class 255 and
fails (issues 3734 and 3831 there).

======== =========================================== ==============================================================
divisor  number                                      used by
======== =========================================== ==============================================================
valid    pixels that are not ignored                 SegNet (Caffe's ``normalize: true``), PyTorch's unweighted mean
weights  sum of the weights of the valid pixels      ENet, LinkNet and all who use PyTorch's weighted mean
batch    images                                      Caffe's ``normalize: false``
all      all pixels, ignored ones included           mmsegmentation's default
sum      1                                           FCN
======== =========================================== ==============================================================

Sources: https://github.com/alexgkendall/caffe-segnet/tree/344c113bf1832886f1cbe9f33ffe28a3beeaf412
(src/caffe/layers/softmax_loss_layer.cpp) for ``valid`` and ``batch``; torch.nn.functional.cross_entropy for
``weights``; https://github.com/shelhamer/fcn.berkeleyvision.org for ``sum``.

Shapes: B images, C classes, H x W pixels; (N, C) scores with (N,) labels work alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmseg_plugins.registry import MODELS
from mmseg_plugins.utils.deprecation import accept_former_names

NORMALIZERS = ('valid', 'weights', 'batch', 'all', 'sum')
REDUCTIONS = ('mean', 'sum', 'none')


def weighted_cross_entropy(logits: Tensor,
                           label: Tensor,
                           *,
                           class_weight: Tensor | None = None,
                           pixel_weight: Tensor | None = None,
                           ignore_index: int = 255) -> Tensor:
    """-class_weight[label] * pixel_weight * log softmax(logits)[label] at every pixel, in float32 or wider.

    Args:
        logits: (B, C, H, W), any floating type.
        label: (B, H, W) integers in [0, C) or ``ignore_index``.
        class_weight: (C,); ``None`` is 1.
        pixel_weight: (B, H, W); ``None`` is 1.

    Returns:
        (B, H, W), 0 where ignored, and without a gradient there.

    Raises:
        ValueError: shapes that do not belong together, a single class, and (on the CPU) labels outside the classes.
    """
    num_classes = logits.shape[1]
    if num_classes < 2:
        raise ValueError(f'weighted_cross_entropy: scores of shape {tuple(logits.shape)} have {num_classes} class, '
                         'whose softmax is constant; use 2 classes, or a sigmoid loss for one')
    if logits.shape[:1] + logits.shape[2:] != label.shape:
        raise ValueError(f'weighted_cross_entropy: scores of shape {tuple(logits.shape)}, but labels of shape '
                         f'{tuple(label.shape)}; (B, C, H, W) goes with (B, H, W): resize or crop one of them')
    if class_weight is not None and len(class_weight) != num_classes:
        raise ValueError(f'weighted_cross_entropy: class_weight has {len(class_weight)} numbers, but the scores '
                         f'{num_classes} classes; give a weight for each class, none for void')
    if pixel_weight is not None and pixel_weight.shape != label.shape:
        raise ValueError(f'weighted_cross_entropy: pixel weights of shape {tuple(pixel_weight.shape)}, but labels of '
                         f'shape {tuple(label.shape)}; give a weight for each pixel')
    logits = logits.float() if logits.element_size() < 4 else logits
    weight = None if class_weight is None else class_weight.to(logits)
    try:
        loss = F.cross_entropy(logits, label.long(), weight=weight, ignore_index=ignore_index, reduction='none')
    except IndexError as error:
        wrong = [int(value) for value in label.unique() if value != ignore_index and not 0 <= value < num_classes]
        raise ValueError(f'weighted_cross_entropy: the label maps hold {wrong[:8]}, but the scores have {num_classes} '
                         f'classes (0 to {num_classes - 1}) and {ignore_index} is ignored; correct the label files, '
                         'num_classes, or ignore_index') from error
    return loss if pixel_weight is None else loss * pixel_weight.to(loss)


def normalizer_of(name: str,
                  label: Tensor,
                  *,
                  class_weight: Tensor | None = None,
                  pixel_weight: Tensor | None = None,
                  ignore_index: int = 255) -> Tensor | int:
    """What the summed loss is divided by, 1 where that would be 0 (a batch without a valid pixel).

    Args:
        name: One of ``NORMALIZERS``.  Pixel weights count in ``weights`` and nowhere else.
        label: (B, H, W).
    """
    if name == 'sum':
        return 1
    if name == 'batch':
        return max(len(label), 1)
    if name == 'all':
        return max(label.numel(), 1)
    valid = label != ignore_index
    if name == 'valid':
        return valid.sum().clamp(min=1)
    weight = valid.float() if pixel_weight is None else valid * pixel_weight.float()
    if class_weight is not None:
        weight = weight * class_weight[torch.where(valid, label, 0).long()]
    total = weight.sum()
    return torch.where(total > 0, total, torch.ones_like(total))


@MODELS.register_module()
@accept_former_names(normaliser='normalizer')
class WeightedCrossEntropyLoss(nn.Module):
    """Configurable form of :func:`weighted_cross_entropy`, a ``loss_decode`` of mmseg's heads.

    A batch without a valid pixel gives 0 with a gradient of 0 in every score.

    Args:
        class_weight: C non-negative numbers; ``None`` is 1 for each.
        normalizer: What the sum is divided by, see the module's table.
        loss_weight: Factor of the result.
        ignore_index: Label that does not count; the head's own is handed over in every call and wins.
        loss_name: Key of the head's losses; must begin with ``loss_`` to be trained.

    Raises:
        ValueError: an unknown normalizer or reduction, weights that are negative, not finite or all 0.
    """

    class_weight: Tensor | None

    def __init__(self,
                 class_weight: Sequence[float] | None = None,
                 normalizer: str = 'valid',
                 loss_weight: float = 1.0,
                 ignore_index: int = 255,
                 loss_name: str = 'loss_ce') -> None:
        super().__init__()
        if normalizer not in NORMALIZERS:
            raise ValueError(f'WeightedCrossEntropyLoss: normalizer={normalizer!r}, it must be one of {NORMALIZERS}')
        weights = None if class_weight is None else [float(value) for value in class_weight]
        if weights is not None and (not all(0 <= w < math.inf for w in weights) or sum(weights) == 0):
            raise ValueError(f'WeightedCrossEntropyLoss: class_weight={weights}, but weights are finite, at least 0 '
                             'and not all 0; a class that is in no image gets 0')
        # Not in checkpoints: weights of the data, not of the network.
        self.register_buffer('class_weight', None if weights is None else torch.tensor(weights), persistent=False)
        self.normalizer = normalizer
        self.loss_weight = loss_weight
        self.ignore_index = ignore_index
        self._loss_name = loss_name

    @property
    def loss_name(self) -> str:
        """Key under which mmseg's heads report (and, for equal names, add) the loss."""
        return self._loss_name

    def extra_repr(self) -> str:
        return f'normalizer={self.normalizer!r}, loss_weight={self.loss_weight}'

    def forward(self,
                cls_score: Tensor,
                label: Tensor,
                weight: Tensor | None = None,
                avg_factor: float | Tensor | None = None,
                reduction_override: str | None = None,
                ignore_index: int | None = None) -> Tensor:
        """Reduce the loss of scores (B, C, H, W) against labels (B, H, W).

        Args:
            weight: (B, H, W), of each pixel: a border map, or what mmseg's pixel sampler chose.
            avg_factor: Replaces the normalizer.
            reduction_override: ``'none'`` gives the loss of each pixel (B, H, W), ``'sum'`` is undivided.
        """
        reduction = reduction_override or 'mean'
        if reduction not in REDUCTIONS:
            raise ValueError(f'WeightedCrossEntropyLoss: reduction_override={reduction!r}, it must be one of '
                             f'{REDUCTIONS}')
        if avg_factor is not None and reduction != 'mean':
            raise ValueError(f'WeightedCrossEntropyLoss: avg_factor={avg_factor} goes with reduction mean, '
                             f'not {reduction!r}')
        shared: dict[str, Any] = dict(class_weight=self.class_weight, pixel_weight=weight,
                                      ignore_index=self.ignore_index if ignore_index is None else ignore_index)
        loss = weighted_cross_entropy(cls_score, label, **shared)
        if reduction == 'none':
            return self.loss_weight * loss
        if reduction == 'sum':
            return self.loss_weight * loss.sum()
        divisor = normalizer_of(self.normalizer, label, **shared) if avg_factor is None else avg_factor
        return self.loss_weight * loss.sum() / divisor
