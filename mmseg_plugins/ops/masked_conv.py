"""Columns of a convolution at chosen pixels only, and back: what mmcv's masked convolution is made of.

Used by "Region Proposal by Guided Anchoring", https://arxiv.org/abs/1901.03278.  Semantics after
``mmcv.ops.masked_conv2d`` (mmcv 2.1.0, ``ops/csrc/common/cuda/masked_conv2d_cuda_kernel.cuh``), which has no CPU code.

Shapes: C channels, H x W pixels, N chosen pixels, a kernel of kh x kw taps.
"""

from __future__ import annotations

import torch
from torch import Tensor


def masked_im2col(input: Tensor, rows: Tensor, columns: Tensor, kernel_size: tuple[int, int],
                  padding: tuple[int, int] = (0, 0)) -> Tensor:
    """The pixels under the kernel at each chosen output pixel (stride 1), zeros outside the map.

    Args:
        input: (1, C, H, W).
        rows, columns: The chosen output pixels, (N,) each, int64.
        kernel_size, padding: (vertical, horizontal).

    Returns:
        (C * kh * kw, N): channel by channel, each tap by tap in reading order.

    Raises:
        ValueError: For a batch that is not one image.
    """
    if input.dim() != 4 or input.size(0) != 1:
        raise ValueError(f'masked_im2col: input of shape {tuple(input.shape)}, it must be (1, C, H, W). '
                         'Fix: give one image at a time')
    height, width = input.shape[2:]
    y = rows - padding[0] + torch.arange(kernel_size[0], device=input.device)[:, None]  # (kh, N)
    x = columns - padding[1] + torch.arange(kernel_size[1], device=input.device)[:, None]
    within = ((y >= 0) & (y < height))[:, None] & ((x >= 0) & (x < width))  # (kh, kw, N)
    index = torch.where(within, y[:, None] * width + x, 0)
    pixels = input[0].flatten(1)[:, index.flatten()]  # (C, kh kw N)
    return pixels.masked_fill(~within.flatten(), 0).reshape(len(pixels) * kernel_size[0] * kernel_size[1], len(rows))


def masked_col2im(columns: Tensor, rows: Tensor, cols: Tensor, height: int, width: int) -> Tensor:
    """Write N columns to the chosen pixels of a map of zeros.

    Args:
        columns: (C, N).
        rows, cols: The chosen pixels, (N,) each, int64, none twice.
        height, width: H and W.

    Returns:
        (1, C, H, W).
    """
    flat = columns.new_zeros(columns.size(0), height * width)
    return flat.index_copy(1, rows * width + cols, columns).view(1, -1, height, width)
