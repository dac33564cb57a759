"""PSENet's loss: dice of the whole objects with hard negatives, dice of the shrunk kernels inside them.

Paper: "Shape Robust Text Detection with Progressive Scale Expansion Network", https://arxiv.org/abs/1903.12473, section
3.4.  Original code (Apache 2.0):
https://github.com/whai362/PSENet/tree/5a42734dc56df42b7192494933ea8fcb3f486494/models (head/psenet_head.py, loss/).

As in the code: the threshold of the hard negatives is taken over all cells outside objects, ignored ones included, on
raw logits; kernels are compared inside the true (not the predicted) objects.

Shapes: B images, K kernels (0 = the whole object, K - 1 = the smallest), H x W pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmseg_plugins.registry import MODELS


def hard_negative_mask(logits: Tensor, truth: Tensor, valid: Tensor, ratio: float = 3) -> Tensor:
    """Cells (B, H, W) that count: all of the objects, and the ``ratio`` times as many highest of the rest.

    Without an object cell or without any other cell all of ``valid`` counts.

    Args:
        logits: (B, H, W).
        truth: (B, H, W) bool, the objects.
        valid: (B, H, W) bool, False where the ground truth is unknown.
    """
    scores = logits.detach().float().masked_fill(truth, -torch.inf).flatten(1)
    positives = (truth & valid).flatten(1).sum(1)
    wanted = torch.minimum((positives * ratio).long(), (~truth).flatten(1).sum(1))  # (B,)
    ranked = scores.sort(dim=1, descending=True)[0]
    threshold = ranked.gather(1, (wanted - 1).clamp(min=0)[:, None])[:, :, None]  # (B, 1, 1)
    chosen = (scores.reshape(truth.shape) >= threshold) | truth
    return torch.where((wanted > 0)[:, None, None], chosen, torch.ones_like(chosen)) & valid


def dice_loss(logits: Tensor, truth: Tensor, selected: Tensor, eps: float = 1e-3) -> Tensor:
    """1 - 2 sum(p t) / (sum(p^2) + eps + sum(t^2) + eps) over the ``selected`` cells, sigmoid inside.

    All (..., H, W) -> (...,), in [0, 1].
    """
    prob = (logits.float().sigmoid() * selected).flatten(-2)
    truth = (truth.float() * selected).flatten(-2)
    both = (prob * truth).sum(-1)
    return 1 - 2 * both / (prob.square().sum(-1) + eps + truth.square().sum(-1) + eps)


def psenet_losses(logits: Tensor,
                  objects: Tensor,
                  kernels: Tensor,
                  valid: Tensor,
                  ratio: float = 3,
                  eps: float = 1e-3) -> tuple[Tensor, Tensor, Tensor]:
    """Unweighted losses of each image.

    Args:
        logits: (B, K, H, W).
        objects: (B, H, W) 0 or 1.
        kernels: (B, K - 1, H, W) 0 or 1, largest first.
        valid: (B, H, W), 0 where the ground truth is unknown.

    Returns:
        Of the whole objects (B,), of the kernels (B,) (mean over K - 1), and the cells of the first (B, H, W).
    """
    objects, valid = objects.bool(), valid.bool()
    selected = hard_negative_mask(logits[:, 0], objects, valid, ratio)
    whole = dice_loss(logits[:, 0], objects, selected, eps)
    inner = dice_loss(logits[:, 1:], kernels, (objects & valid)[:, None], eps).mean(dim=1)
    return whole, inner, selected


def binary_miou(logits: Tensor, truth: Tensor, valid: Tensor, eps: float = 1e-6) -> Tensor:
    """Mean of the background's and the objects' IoU (B,) at logit > 0 inside ``valid``; all (B, H, W)."""
    found, truth, valid = (logits > 0).flatten(1), truth.bool().flatten(1), valid.bool().flatten(1)
    ious = []
    for a, b in ((found, truth), (~found, ~truth)):
        ious.append((a & b & valid).sum(1).float() / (((a | b) & valid).sum(1).float() + eps))
    return (ious[0] + ious[1]) / 2


@MODELS.register_module()
class PSENetLoss(nn.Module):
    """:func:`psenet_losses`, weighted and averaged over the images.

    Args:
        object_weight, kernel_weight: The paper's lambda = 0.7 and 1 - lambda.
        ohem_ratio: Negative cells an object cell.
        eps: Of the dice quotient.
    """

    def __init__(self,
                 *,
                 object_weight: float = 0.7,
                 kernel_weight: float = 0.3,
                 ohem_ratio: float = 3,
                 eps: float = 1e-3) -> None:
        super().__init__()
        self.object_weight, self.kernel_weight = object_weight, kernel_weight
        self.ohem_ratio, self.eps = ohem_ratio, eps

    def forward(self, logits: Tensor, objects: Tensor, kernels: Tensor, valid: Tensor) -> dict[str, Tensor]:
        """Give ``loss_object``, ``loss_kernel``, and the statistics ``iou_object``, ``iou_kernel``."""
        whole, inner, _ = psenet_losses(logits, objects, kernels, valid, self.ohem_ratio, self.eps)
        inside = objects.bool() & valid.bool()
        return dict(
            loss_object=self.object_weight * whole.mean(),
            loss_kernel=self.kernel_weight * inner.mean(),
            iou_object=binary_miou(logits[:, 0].detach(), objects, valid).mean(),
            iou_kernel=binary_miou(logits[:, -1].detach(), kernels[:, -1], inside).mean())
