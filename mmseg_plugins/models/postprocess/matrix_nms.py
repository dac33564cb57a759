"""Matrix NMS: lower each mask's score by its overlaps with better ones, for all masks at once.

Paper: SOLOv2, https://arxiv.org/abs/2003.10152, section 3.4.  Rule of ``matrix_nms`` in https://github.com/WXinlong/SOLO/
tree/f4cd03b9404e3bd84ca0be45966fb61d20d2efe6 (mmdet/core/post_processing/matrix_nms.py).

What differs here from that and from stock ``mask_matrix_nms``, with the same results:

* intersections are summed over blocks of pixels, so that the masks are never all turned into float;
* autocast is switched off inside: counts above 2048 do not fit half precision;
* the linear kernel divides by 1 - IoU, which is 0 for two equal masks: there it gave NaN, here a copy that is itself
  suppressed limits nobody.

Note the gaussian kernel: the code takes exp(-sigma IoU^2), the paper writes exp(-IoU^2 / sigma).
"""

from __future__ import annotations

import torch
from torch import Tensor

from .ranking import best_indices

BLOCK_BYTES = 2**26  # of one block of masks as float32


def intersections(masks: Tensor, order: Tensor | None = None, block_bytes: int = BLOCK_BYTES) -> Tensor:
    """Pixels that each pair of binary masks (N, H, W) shares: (N, N) float32, exact up to 2^24 pixels.

    Args:
        order: (K,) masks to take, in the order of the result's rows and columns; all when absent.
        block_bytes: Most memory that a block of masks may take as float32.
    """
    flat = masks.flatten(1)
    order = torch.arange(len(flat), device=masks.device) if order is None else order
    number, pixels = len(order), flat.shape[1]
    block = max(1, block_bytes // (4 * max(number, 1)))
    total = torch.zeros(number, number, dtype=torch.float64, device=masks.device)
    with torch.autocast(masks.device.type, enabled=False):
        for start in range(0, pixels, block):
            part = flat[:, start:start + block][order].float()
            total += part @ part.T
    return total.float()


def matrix_decay(inter: Tensor, areas: Tensor, labels: Tensor, kernel: str = 'gaussian', sigma: float = 2.0) -> Tensor:
    """Factors (N,) in 0..1 for masks in descending order of score.

    decay_j = min over i < j of the same class of f(IoU_ij) / f(the largest IoU of i with a better one), where f falls
    with the IoU: exp(-sigma IoU^2) (``'gaussian'``) or 1 - IoU (``'linear'``).

    Args:
        inter: (N, N) from :func:`intersections`.
        areas: (N,) pixels of each mask.
        labels: (N,) classes; masks of different classes do not touch each other.

    Raises:
        ValueError: no such kernel.
    """
    if kernel not in ('gaussian', 'linear'):
        raise ValueError(f"matrix NMS has the kernels 'gaussian' and 'linear', not {kernel!r}: change test_cfg.kernel")
    if not len(areas):
        return areas.new_zeros(0)
    same_class = labels[:, None] == labels[None, :]
    iou = (inter / (areas[None, :] + areas[:, None] - inter) * same_class).triu(diagonal=1)
    worst = iou.max(0).values[:, None]  # (N, 1): how much each mask is itself covered by a better one
    if kernel == 'gaussian':
        return (torch.exp(-sigma * iou**2) / torch.exp(-sigma * worst**2)).min(0).values
    return ((1 - iou) / (1 - worst)).masked_fill(worst >= 1, torch.inf).min(0).values


def matrix_nms(masks: Tensor, labels: Tensor, scores: Tensor, *, areas: Tensor | None = None, filter_thr: float = -1,
               nms_pre: int = -1, max_num: int = -1, kernel: str = 'gaussian', sigma: float = 2.0,
               block_bytes: int = BLOCK_BYTES) -> tuple[Tensor, Tensor]:
    """Matrix NMS of N masks (N, H, W) with classes (N,) and scores (N,).

    Args:
        areas: (N,) pixels of each mask, counted when absent.
        filter_thr: Least score to keep, after the decay; not above 0: keep all.
        nms_pre: Number of best masks that take part; not above 0: all.
        max_num: Number of best masks to keep; not above 0: all.
        kernel, sigma: See :func:`matrix_decay`.
        block_bytes: Most memory that a block of masks may take as float32.

    Returns:
        Lowered scores (K,) in descending order, and the indices (K,) of their masks.
    """
    order = best_indices(scores, nms_pre)
    areas = masks.flatten(1).sum(1) if areas is None else areas
    inter = intersections(masks, order, block_bytes)
    decay = matrix_decay(inter, areas[order].float(), labels[order], kernel, sigma)
    scores = scores[order] * decay
    if filter_thr > 0:
        kept = scores >= filter_thr
        scores, order = scores[kept], order[kept]
    best = best_indices(scores, max_num)
    return scores[best], order[best]

