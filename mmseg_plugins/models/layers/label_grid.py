"""Labels on the grid of a network's scores."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def subsample_labels(labels: Tensor, stride: int, size: tuple[int, int]) -> Tensor:
    """Every ``stride``-th label, cut to the scores' size: ``labels[:, ::stride, ::stride][:, :h, :w]``.

    Caffe's DeepLab shrinks labels with aligned corners, which for a side of 8k + 1 is exactly this.

    Args:
        labels: (B, H, W), class numbers; nothing is interpolated.
        stride: Pixels between two scores.
        size: h, w of the scores.

    Returns:
        (B, h, w).

    Raises:
        ValueError: the scores have more cells than there are subsampled labels.
    """
    grid = labels[:, ::stride, ::stride]
    if grid.shape[1] < size[0] or grid.shape[2] < size[1]:
        raise ValueError(f'scores of {size[0]} x {size[1]} cells, but labels of {labels.shape[1]} x {labels.shape[2]} '
                         f'px have {grid.shape[1]} x {grid.shape[2]} at stride {stride}; label_stride must be the '
                         'stride of the scores')
    return grid[:, :size[0], :size[1]]


def center_offset(size: int, scores: int) -> tuple[int, int]:
    """Where ``scores`` cells of stride 1 lie in a label of ``size``: the first label, and how many there are of both.

    Fewer scores are those of the middle (unpadded convolutions); more begin at the first pixel (images filled up).

    Raises:
        ValueError: the middle lies between two pixels.
    """
    if scores >= size:
        return 0, size
    if (size - scores) % 2:
        raise ValueError(f'{scores} scores in the middle of {size} labels lie half a pixel off; use image sizes that '
                         'lose as much on both sides')
    return (size - scores) // 2, scores


def aligned_index(count: int, size: int) -> Tensor:
    """For each of ``size`` cells the nearest of ``count`` samples when first and last coincide; halves go to even.

    Example: 17 samples on 9 cells are 0, 2, .. 16; on 13 cells 0, 1, 3, 4, 5, 7, 8, ...
    """
    if size == 1:
        return torch.zeros(1, dtype=torch.long)
    return torch.round(torch.arange(size, dtype=torch.float64) * (count - 1) / (size - 1)).long()


def center_index(count: int, size: int) -> Tensor:
    """For each of ``size`` cells the sample under its centre, floor((i + .5) count / size), as Pillow's NEAREST."""
    return (2 * torch.arange(size) + 1) * count // (2 * size)


def pick_labels(labels: Tensor, size: tuple[int, int], index: Callable[[int, int], Tensor]) -> Tensor:
    """Labels (B, H, W) on a grid of ``size`` = h, w cells, read at ``aligned_index`` or ``center_index``: (B, h, w)."""
    rows = index(labels.shape[1], size[0]).to(labels.device)
    columns = index(labels.shape[2], size[1]).to(labels.device)
    return labels[:, rows[:, None], columns]
