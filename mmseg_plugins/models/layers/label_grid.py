"""Labels on the grid of a network's scores."""

from __future__ import annotations

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
