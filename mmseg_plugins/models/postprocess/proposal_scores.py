"""DeconvNet's inference: scores of proposals put together on one canvas, and the ensemble with FCN-8s.

Paper: "Learning Deconvolution Network for Semantic Segmentation", https://arxiv.org/abs/1505.04366, section 4.3.
Original: https://github.com/HyeonwooNoh/DeconvNet (inference, MATLAB).

Boxes are (x1, y1, x2, y2) in pixels of the image, x2 and y2 exclusive, whole numbers.

Shapes: N proposals, C classes, H x W pixels, S x S the network's input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from torch import Tensor

Scorer = Callable[[Tensor], Tensor]


def select_proposals(boxes: Tensor, *, min_side: int = 112, max_number: int = 50) -> Tensor:
    """The first ``max_number`` of the boxes (N, 4), best first, whose shorter side is at least ``min_side``."""
    sides = boxes[:, 2:] - boxes[:, :2]
    return boxes[sides.min(1)[0] >= min_side][:max_number]


def max_of_proposals(scores: Iterable[Tensor], boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Largest score of any proposal at every pixel and class, on a canvas of zeros.

    Each proposal's scores are resized bilinearly to its box.  Since the canvas begins with zeros, a negative score
    counts as 0 and pixels without a proposal have 0 in every class, as in the original.

    Args:
        scores: (C, h, w) for each box; consumed one at a time, so that memory does not grow with N.
        boxes: (N, 4), inside the image.
        size: H, W.

    Returns:
        (C, H, W), never negative.

    Raises:
        ValueError: no box, another number of scores than of boxes, or a box that is empty or leaves the image.
    """
    height, width = size
    if len(boxes) == 0:
        raise ValueError('max_of_proposals: no box; give at least the whole image, '
                         f'torch.tensor([[0, 0, {width}, {height}]])')
    canvas: Tensor | None = None
    corners = boxes.tolist()
    for number, ((x1, y1, x2, y2), score) in enumerate(zip(corners, scores, strict=True)):
        if not (0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height) or any(v != int(v) for v in (x1, y1, x2, y2)):
            raise ValueError(f'max_of_proposals: box {number} is {(x1, y1, x2, y2)}, the image {width} x {height}; '
                             'boxes are whole pixels (x1, y1, x2, y2) inside the image: clamp and round them')
        rows, columns = slice(int(y1), int(y2)), slice(int(x1), int(x2))
        if canvas is None:
            canvas = score.new_zeros(score.shape[0], height, width)
        part = F.interpolate(
            score[None], size=(rows.stop - rows.start, columns.stop - columns.start), mode='bilinear',
            align_corners=False)[0]
        canvas[:, rows, columns] = torch.maximum(canvas[:, rows, columns], part)
    assert canvas is not None
    return canvas


def score_proposals(network: Scorer, image: Tensor, boxes: Tensor, *, side: int = 224) -> Tensor:
    """Crop each box, resize it to S x S, run the network, and join the scores with :func:`max_of_proposals`.

    Args:
        network: (1, 3, S, S) -> scores (1, C, h, w); a segmentor's ``model.forward``, say.
        image: (3, H, W), normalised.
        boxes: (N, 4), inside the image: :func:`select_proposals`, and the whole image as one more.
        side: S.

    Returns:
        (C, H, W), never negative.
    """

    def scores() -> Iterable[Tensor]:
        for x1, y1, x2, y2 in boxes.long().tolist():
            crop = image[None, :, y1:y2, x1:x2]
            yield network(F.interpolate(crop, size=(side, side), mode='bilinear', align_corners=False))[0]

    return max_of_proposals(scores(), boxes, (image.shape[-2], image.shape[-1]))


def fcn_ensemble(fcn_scores: Tensor, deconv_scores: Tensor) -> Tensor:
    """EDeconvNet: ``max(0, fcn) * deconv``, element by element; both (..., C, H, W) of one size.

    Raises:
        ValueError: the shapes differ.
    """
    if fcn_scores.shape != deconv_scores.shape:
        raise ValueError(f'fcn_ensemble: scores of shapes {tuple(fcn_scores.shape)} and {tuple(deconv_scores.shape)}; '
                         'bring both to the size of the image and to the same classes')
    return fcn_scores.clamp(min=0) * deconv_scores
