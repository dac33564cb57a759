"""Binary cross entropy of mask logits that have one channel a RoI, whatever the class.

MaskLab ("MaskLab: Instance Segmentation by Refining Object Detection with Semantic and Direction Features",
https://arxiv.org/abs/1712.04837, section 4.1) trains its coarse and its refined mask with a sigmoid; stock
``CrossEntropyLoss(use_mask=True)`` wants class labels to pick a channel by and cannot take an average factor.

Shapes: N RoIs, h x w mask points.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from mmseg_plugins.registry import MODELS

REDUCTIONS = ('mean', 'sum', 'none')


def mask_bce_loss(logits: Tensor, targets: Tensor, weight: Tensor | None = None) -> Tensor:
    """Cross entropy at every point, in float32 or wider.

    Args:
        logits: (N, h, w), any floating type.
        targets: (N, h, w), probabilities in [0, 1].
        weight: Broadcastable to (N, h, w); ``None`` is 1 everywhere.

    Returns:
        (N, h, w), max(x, 0) - x t + log(1 + exp(-|x|)).

    Raises:
        ValueError: the shapes differ.
    """
    if logits.shape != targets.shape:
        raise ValueError(f'mask_bce_loss: logits of shape {tuple(logits.shape)}, but targets of shape '
                         f'{tuple(targets.shape)}; sample both on the same grid (mask_size)')
    logits = logits.float() if logits.element_size() < 4 else logits
    loss = F.binary_cross_entropy_with_logits(logits, targets.to(logits.dtype), reduction='none')
    return loss if weight is None else loss * weight


@MODELS.register_module()
class MaskBCELoss(nn.Module):
    """Configurable form of :func:`mask_bce_loss`.

    Args:
        loss_weight: Factor of the result.
        reduction: ``'mean'`` over all points of all RoIs (0 without any), ``'sum'`` or ``'none'``.
    """

    def __init__(self, loss_weight: float = 1.0, reduction: str = 'mean') -> None:
        super().__init__()
        if reduction not in REDUCTIONS:
            raise ValueError(f'MaskBCELoss: reduction={reduction!r}, it must be one of {REDUCTIONS}')
        self.loss_weight = loss_weight
        self.reduction = reduction

    def forward(self,
                logits: Tensor,
                targets: Tensor,
                weight: Tensor | None = None,
                avg_factor: float | Tensor | None = None,
                reduction_override: str | None = None) -> Tensor:
        """Reduce the loss of (N, h, w) ``logits``; ``avg_factor`` replaces the number of points in the mean."""
        reduction = reduction_override or self.reduction
        if reduction not in REDUCTIONS:
            raise ValueError(f'MaskBCELoss: reduction_override={reduction!r}, it must be one of {REDUCTIONS}')
        if avg_factor is not None and reduction != 'mean':
            raise ValueError(f'MaskBCELoss: avg_factor={avg_factor} goes with reduction mean, not {reduction!r}')
        loss = mask_bce_loss(logits, targets, weight)
        if reduction == 'mean':
            loss = loss.sum() / (max(loss.numel(), 1) if avg_factor is None else avg_factor)
        elif reduction == 'sum':
            loss = loss.sum()
        return self.loss_weight * loss
