"""FCIS's loss over RoIs: class, inside/outside mask and box.

Paper: "Fully Convolutional Instance-aware Semantic Segmentation", https://arxiv.org/abs/1611.07709, section 3.3.
Original code (MIT): https://github.com/msracver/FCIS/tree/309f6c9a1669bf05a955b66519a807951e70197f
(``fcis/symbols/resnet_v1_101_fcis.py``); second implementation (MIT):
https://github.com/chainer/chainercv/tree/7159616642e0be7c5b3ef380b848e16b7e99355b (``fcis_train_chain.py``).

The original writes neither the mask loss's weight 10 nor the division by 21 x 21 into one formula: the first is a
``grad_scale``, the second is what MXNet's ``SoftmaxOutput(multi_output=True, normalization='null')`` does to the
gradient.  Both are here; without the division the mask would weigh 441 times as much.

Shapes: N RoIs, K object classes, p x p mask bins.
"""

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from mmseg_plugins.registry import MODELS

IGNORED = -1


class FCISLossTerms(NamedTuple):
    """The three parts, each (N,) or a scalar."""

    cls: Tensor
    mask: Tensor
    box: Tensor


def fcis_roi_losses(cls_logit: Tensor,
                    mask_logit: Tensor,
                    box_delta: Tensor,
                    labels: Tensor,
                    mask_targets: Tensor,
                    box_targets: Tensor,
                    beta: float = 1.0) -> FCISLossTerms:
    """Give each RoI's unweighted losses, in float32 or wider.

    Args:
        cls_logit: (N, K + 1), column 0 is background.
        mask_logit: (N, 2, p, p), outside and inside logit of the RoI's own class.
        box_delta: (N, 4), normalized (dx, dy, dw, dh).
        labels: (N,) 0 = background, 1..K; -1 RoIs have a class loss of 0.
        mask_targets: (N, p, p) 1 inside, 0 outside, -1 ignored.
        box_targets: (N, 4), read where the label is positive.
        beta: Where smooth L1 turns from square to line; 1 / sigma^2 of the original.

    Returns:
        (N,) each: cross entropy; cross entropy over the two mask channels, averaged over all p * p bins with ignored
        ones counted as 0; smooth L1 summed over the four deltas, 0 without an object.
    """
    cls_logit, mask_logit, box_delta = (_at_least_float32(x) for x in (cls_logit, mask_logit, box_delta))
    cls = F.cross_entropy(cls_logit, labels, ignore_index=IGNORED, reduction='none')
    mask = F.cross_entropy(mask_logit, mask_targets.long(), ignore_index=IGNORED, reduction='none')
    box = F.smooth_l1_loss(box_delta, box_targets.to(box_delta.dtype), beta=beta, reduction='none')
    return FCISLossTerms(cls, mask.mean((1, 2)), box.sum(1) * (labels > 0))


def fcis_loss(terms: FCISLossTerms,
              labels: Tensor,
              normalizer: float | Tensor | None = None,
              mask_weight: float = 10.0,
              box_weight: float = 1.0) -> FCISLossTerms:
    """Reduce each RoI's losses to three scalars.

    Args:
        terms: Of :func:`fcis_roi_losses`.
        labels: (N,); RoIs with -1 do not count in the mean of the class loss.
        normalizer: R, what the sums of mask and box loss are divided by.  The original has 128 per image, however
            many RoIs there are; ``None`` takes their number, as chainercv does.

    Returns:
        class = mean over the RoIs with a label; mask = mask_weight * sum / R; box = box_weight * sum / R.
    """
    valid = (labels >= 0).sum().clamp(min=1)
    total = valid if normalizer is None else normalizer
    return FCISLossTerms(terms.cls.sum() / valid, mask_weight * terms.mask.sum() / total,
                         box_weight * terms.box.sum() / total)


def _at_least_float32(x: Tensor) -> Tensor:
    return x.float() if x.element_size() < 4 else x


@MODELS.register_module()
class FCISLoss(nn.Module):
    """Configurable form of :func:`fcis_roi_losses` and :func:`fcis_loss`.

    Args:
        cls_weight, mask_weight, box_weight: 1, 10, 1 in the original, for OHEM's ranking as well.
        beta: See :func:`fcis_roi_losses`.
    """

    def __init__(self,
                 cls_weight: float = 1.0,
                 mask_weight: float = 10.0,
                 box_weight: float = 1.0,
                 beta: float = 1.0) -> None:
        super().__init__()
        self.cls_weight = cls_weight
        self.mask_weight = mask_weight
        self.box_weight = box_weight
        self.beta = beta

    def forward(self,
                terms: FCISLossTerms,
                labels: Tensor,
                avg_factor: float | None = None) -> dict[str, Tensor]:
        """Give ``loss_cls``, ``loss_mask`` and ``loss_bbox``; ``avg_factor`` is R of :func:`fcis_loss`."""
        cls, mask, box = fcis_loss(terms, labels, avg_factor, self.mask_weight, self.box_weight)
        return dict(loss_cls=self.cls_weight * cls, loss_mask=mask, loss_bbox=box)

    def per_roi(self, cls_logit: Tensor, mask_logit: Tensor, box_delta: Tensor, labels: Tensor, mask_targets: Tensor,
                box_targets: Tensor) -> FCISLossTerms:
        """See :func:`fcis_roi_losses`."""
        return fcis_roi_losses(cls_logit, mask_logit, box_delta, labels, mask_targets, box_targets, self.beta)

    def joint(self, terms: FCISLossTerms) -> Tensor:
        """What online hard example mining ranks by: the weighted sum, (N,)."""
        return self.cls_weight * terms.cls + self.mask_weight * terms.mask + self.box_weight * terms.box
