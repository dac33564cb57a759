"""Semantic scores and objects of the queries of a mask classifier, as pure functions.

Paper: "Per-Pixel Classification is Not All You Need for Semantic Segmentation", https://arxiv.org/abs/2107.06278,
section 3.4; original code (MIT): ``semantic_inference`` of
https://github.com/facebookresearch/Mask2Former/blob/main/mask2former/maskformer_model.py

Shapes: Q queries, C classes (things first), H x W pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor


def semantic_scores(mask_cls: Tensor, mask_pred: Tensor) -> Tensor:
    """Sum over the queries of class probability times mask probability.

    Args:
        mask_cls: logits (Q, C + 1), the last of no object.
        mask_pred: logits (Q, H, W).

    Returns:
        (C, H, W), 0 or more; the sum over the classes is not 1.
    """
    classes = mask_cls.float().softmax(-1)[:, :-1]
    return torch.einsum('qc,qhw->chw', classes, mask_pred.float().sigmoid())


def foreground_probability(mask_cls: Tensor, mask_pred: Tensor, num_things: int) -> Tensor:
    """Probability that at least one query shows a thing at a pixel, with the queries taken as independent.

    1 - prod_q (1 - P(q is a thing) P(q covers the pixel)): one query with P = 0.9 and one with 0.5 give 0.95.

    Args:
        mask_cls: logits (Q, C + 1); the first ``num_things`` are things, the last is no object.
        mask_pred: logits (Q, H, W).

    Returns:
        (H, W) in [0, 1].
    """
    things = mask_cls.float().softmax(-1)[:, :num_things].sum(-1)
    covered = things[:, None, None] * mask_pred.float().sigmoid()
    return 1 - (1 - covered).prod(0)
