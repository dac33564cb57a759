"""CARAFE: upsampling whose kernels come from the content.

Paper: "CARAFE: Content-Aware ReAssembly of FEatures", https://arxiv.org/abs/1905.02188.  Semantics after
``mmcv.ops.carafe`` (mmcv 2.1.0, ``ops/csrc/common/cuda/carafe_naive_cuda_kernel.cuh``), which has no CPU code.  An
output pixel is a weighted sum of k * k pixels of the map, read as rows of a table (:mod:`.weighted_rows`).

Shapes: B images, C channels, H x W pixels, scale s, kernel of k x k pixels, g groups of channels with a kernel each.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .weighted_rows import weighted_rows
from .window_pool import pixel_table


def carafe(features: Tensor, masks: Tensor, kernel_size: int, group_size: int = 1, scale_factor: int = 2) -> Tensor:
    """Upsample ``features``, each output pixel by its own kernel.

    Output pixel (p, q) is the sum over the k x k pixels around (p // s, q // s) of the map, each times its weight;
    pixels outside the map are zero.

    Args:
        features: (B, C, H, W).
        masks: The kernels, (B, g * k * k, s H, s W), row by row in each group.
        kernel_size, group_size, scale_factor: k (odd), g (a divisor of C), s.

    Returns:
        (B, C, s H, s W), in the type of ``features``; half and bfloat16 are summed in float32.

    Raises:
        ValueError: For sizes that do not fit together.
    """
    _check(features, masks, kernel_size, group_size, scale_factor)
    batch, channels, height, width = features.shape
    grouped = features.reshape(batch * group_size, channels // group_size, height, width)
    table = pixel_table(grouped)  # (B g H W, C / g)
    index, within = _neighbors(height, width, kernel_size, scale_factor, features.device)
    maps = torch.arange(batch * group_size, device=features.device)[:, None, None] * (height * width)
    taps = kernel_size * kernel_size
    # (B, g k k, s H, s W) -> (B g, s H s W, k k)
    weight = masks.to(table.dtype).reshape(batch * group_size, taps, len(index)).transpose(1, 2)
    weight = torch.where(within, weight, 0).reshape(-1, taps)
    out = weighted_rows(table, (index + maps).view(-1, taps), weight)
    # (B g s H s W, C / g) -> (B, C, s H, s W)
    out = out.view(batch * group_size, len(index), channels // group_size).transpose(1, 2)
    return out.reshape(batch, channels, height * scale_factor, width * scale_factor).to(features.dtype)


carafe_naive = carafe  # mmcv has two kernels of one meaning


def _check(features: Tensor, masks: Tensor, kernel_size: int, group_size: int, scale_factor: int) -> None:
    if kernel_size < 1 or kernel_size % 2 == 0 or scale_factor < 1 or group_size < 1:
        raise ValueError(f'carafe: kernel_size={kernel_size}, group_size={group_size}, scale_factor={scale_factor}; '
                         'the kernel must be odd, the others at least 1. Fix: kernel_size=5, for example')
    if features.dim() != 4 or features.size(1) % group_size:
        raise ValueError(f'carafe: features of shape {tuple(features.shape)}, it must be (B, C, H, W), C a multiple of '
                         f'group_size={group_size}. Fix: choose a divisor of C')
    batch, _, height, width = features.shape
    wanted = (batch, group_size * kernel_size**2, height * scale_factor, width * scale_factor)
    if tuple(masks.shape) != wanted:
        raise ValueError(f'carafe: masks of shape {tuple(masks.shape)}, it must be {wanted} = (B, group_size * '
                         'kernel_size ** 2, H * scale_factor, W * scale_factor). Fix: make the masks of that size')


def _neighbors(height: int, width: int, kernel_size: int, scale: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """The pixel numbers under each output pixel's kernel and whether they lie on the map, (s H s W, k k) each."""
    reach = torch.arange(kernel_size, device=device) - kernel_size // 2
    y, x = (torch.div(torch.arange(size * scale, device=device), scale, rounding_mode='floor')[:, None] + reach
            for size in (height, width))
    on_y, on_x = (y >= 0) & (y < height), (x >= 0) & (x < width)
    y, x = y.clamp(0, max(height - 1, 0)), x.clamp(0, max(width - 1, 0))
    index = y[:, None, :, None] * width + x[None, :, None, :]  # (s H, s W, k, k)
    within = on_y[:, None, :, None] & on_x[None, :, None, :]
    shape = (height * width * scale * scale, kernel_size * kernel_size)
    return index.reshape(shape), within.reshape(shape)
