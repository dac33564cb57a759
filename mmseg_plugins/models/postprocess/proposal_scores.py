"""DeconvNet's inference: scores of proposals put together on one canvas, and the ensemble with FCN-8s.

Paper: "Learning Deconvolution Network for Semantic Segmentation", https://arxiv.org/abs/1505.04366, section 4.3.
Original: https://github.com/HyeonwooNoh/DeconvNet, inference/generate_EDeconvNet_CRF_results.m.  (Its canvas is read
back one pixel up and left of where it was written; here it is not.)

Boxes are (x1, y1, x2, y2) in pixels of the image, x2 and y2 exclusive, whole numbers.  They may leave the image, as
the original's do, which are proposals with a margin around them; it pads the image with black.

Shapes: N proposals, C classes, H x W pixels, S x S the network's input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

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
        boxes: (N, 4).
        size: H, W.

    Returns:
        (C, H, W), never negative.

    Raises:
        ValueError: no box, another number of scores than of boxes, or a box of no whole pixels or outside the image.
    """
    check_boxes(boxes, size)
    height, width = size
    canvas: Tensor | None = None
    for (x1, y1, x2, y2), score in zip(boxes.long().tolist(), scores, strict=True):
        if canvas is None:
            canvas = score.new_zeros(score.shape[0], height, width)
        part = F.interpolate(score[None], size=(y2 - y1, x2 - x1), mode='bilinear', align_corners=False)[0]
        rows, columns = slice(max(y1, 0), min(y2, height)), slice(max(x1, 0), min(x2, width))
        part = part[:, rows.start - y1:rows.stop - y1, columns.start - x1:columns.stop - x1]
        canvas[:, rows, columns] = torch.maximum(canvas[:, rows, columns], part)
    assert canvas is not None
    return canvas


def score_proposals(network: Scorer, image: Tensor, boxes: Tensor, *, side: int = 224,
                    pad_value: Tensor | float = 0.0) -> Tensor:
    """Crop each box, resize it to S x S, run the network, and join the scores with :func:`max_of_proposals`.

    Args:
        network: (1, 3, S, S) -> scores (1, C, h, w); a segmentor's ``model.forward``, say.
        image: (3, H, W), normalized.
        boxes: (N, 4): :func:`select_proposals`, perhaps with the whole image as one more.
        side: S.
        pad_value: What lies outside the image, a number or (3, ); 0 is the mean color, the original's black is
            minus the mean over the deviation.

    Returns:
        (C, H, W), never negative.
    """
    size = (image.shape[-2], image.shape[-1])
    check_boxes(boxes, size)

    def crops() -> Iterator[Tensor]:
        for x1, y1, x2, y2 in boxes.long().tolist():
            crop = image.new_zeros(3, y2 - y1, x2 - x1) + torch.as_tensor(pad_value).to(image).view(-1, 1, 1)
            rows, columns = slice(max(y1, 0), min(y2, size[0])), slice(max(x1, 0), min(x2, size[1]))
            crop[:, rows.start - y1:rows.stop - y1, columns.start - x1:columns.stop - x1] = image[:, rows, columns]
            yield F.interpolate(crop[None], size=(side, side), mode='bilinear', align_corners=False)

    return max_of_proposals((network(crop)[0] for crop in crops()), boxes, size)


def check_boxes(boxes: Tensor, size: tuple[int, int]) -> None:
    """Raise ``ValueError`` unless all boxes (at least one) have whole corners and a part of the image (H, W)."""
    height, width = size
    if len(boxes) == 0:
        raise ValueError('no proposal; give at least the whole image, '
                         f'torch.tensor([[0, 0, {width}, {height}]])')
    x1, y1, x2, y2 = boxes.unbind(1)
    part = (torch.minimum(x2, x2.new_tensor(width)) > x1.clamp(min=0)) & (
        torch.minimum(y2, y2.new_tensor(height)) > y1.clamp(min=0))
    wrong = ~part | (boxes != boxes.round()).any(1)
    if wrong.any():
        number = int(wrong.nonzero()[0, 0])
        raise ValueError(f'proposal {number} is {tuple(boxes[number].tolist())}, the image {width} x {height}; boxes '
                         'are whole pixels (x1, y1, x2, y2) that share some with the image: round or drop it')


def fcn_ensemble(fcn_scores: Tensor, deconv_scores: Tensor) -> Tensor:
    """EDeconvNet: ``max(0, fcn) * deconv``, element by element; both (..., C, H, W) of one size.

    Raises:
        ValueError: the shapes differ.
    """
    if fcn_scores.shape != deconv_scores.shape:
        raise ValueError(f'fcn_ensemble: scores of shapes {tuple(fcn_scores.shape)} and {tuple(deconv_scores.shape)}; '
                         'bring both to the size of the image and to the same classes')
    return fcn_scores.clamp(min=0) * deconv_scores
