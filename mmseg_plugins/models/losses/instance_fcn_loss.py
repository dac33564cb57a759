"""InstanceFCN's loss: objectness of windows and the mask of those that show an object.

Paper: "Instance-sensitive Fully Convolutional Networks", https://arxiv.org/abs/1603.08678, section 3.3:
sum over windows of logistic(objectness) + sum over cells of logistic(mask).  The paper gives neither the normalization
nor what a negative window's mask is; decided here: the mask term counts for positive windows only, and both terms are
means, over windows and over cells.

Shapes: N windows, P positive windows of m x m cells.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from mmseg_plugins.registry import MODELS


def instance_fcn_loss(objectness: Tensor, labels: Tensor, masks: Tensor, targets: Tensor,
                      inside: Tensor) -> tuple[Tensor, Tensor]:
    """Mean binary cross entropy of windows, and of the cells of positive windows.

    Args:
        objectness: (N,) logits.
        labels: (N,) 1 where the window shows an object, else 0.
        masks: (P, m, m) logits of the positive windows.
        targets: (P, m, m) in [0, 1].
        inside: (P, m, m) True where the cell lies on the map; others do not count.

    Returns:
        Objectness and mask loss, float32 scalars that stay connected to their inputs when N or P is 0.
    """
    objectness, masks = objectness.float(), masks.float()
    loss_objectness = F.binary_cross_entropy_with_logits(objectness, labels.float(), reduction='sum')
    weight = inside.float()
    cells = F.binary_cross_entropy_with_logits(masks, targets.float(), weight=weight, reduction='none')
    windows = cells.flatten(1).sum(1) / weight.flatten(1).sum(1).clamp(min=1)  # (P, m, m) -> (P,)
    return loss_objectness / max(len(objectness), 1), windows.sum() / max(len(masks), 1)


@MODELS.register_module()
class InstanceFCNLoss(nn.Module):
    """:func:`instance_fcn_loss` with a weight for each term."""

    def __init__(self, *, objectness_weight: float = 1.0, mask_weight: float = 1.0) -> None:
        super().__init__()
        self.objectness_weight = objectness_weight
        self.mask_weight = mask_weight

    def forward(self, objectness: Tensor, labels: Tensor, masks: Tensor, targets: Tensor,
                inside: Tensor) -> dict[str, Tensor]:
        """Give ``loss_objectness`` and ``loss_mask``."""
        loss_objectness, loss_mask = instance_fcn_loss(objectness, labels, masks, targets, inside)
        return dict(
            loss_objectness=self.objectness_weight * loss_objectness, loss_mask=self.mask_weight * loss_mask)
