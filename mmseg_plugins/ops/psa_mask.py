"""The mask of point-wise spatial attention, in mmcv's order.

Paper: "PSANet: Point-wise Spatial Attention Network for Scene Parsing", ECCV 2018.  Semantics after
``mmcv.ops.psa_mask`` (mmcv 2.1.0, ``ops/csrc/pytorch/cpu/psamask.cpp``).  Each number goes to at most one place, so
values and gradients are one gather each.

Shapes: B images, H x W pixels, a mask of R x S numbers around each pixel.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

MODES = ('collect', 'distribute')


def psa_mask(input: Tensor, psa_type: str, mask_size: int | tuple[int, int]) -> Tensor:
    """Lay the mask around each pixel out over the whole map.

    Number (r, s) of the mask of pixel (y, x) belongs to the pixel (y + r - (R - 1) // 2, x + s - (S - 1) // 2); those
    outside the map are dropped, pixels under no number get 0.

    Args:
        input: (B, R * S, H, W).
        psa_type: 'collect' gives (B, H * W of the pixel belonging, H, W of the mask's pixel), 'distribute' the
            transpose of it: (B, H * W of the mask's pixel, H, W of the pixel belonging).
        mask_size: R x S.

    Returns:
        (B, H * W, H, W).

    Raises:
        ValueError: For another type, or channels that are not R * S.
    """
    if psa_type not in MODES:
        raise ValueError(f'psa_mask: psa_type={psa_type!r}, it must be one of {MODES}. Fix: choose one')
    rows, columns = (mask_size, mask_size) if isinstance(mask_size, int) else mask_size
    if input.dim() != 4 or input.size(1) != rows * columns:
        raise ValueError(f'psa_mask: input of shape {tuple(input.shape)} and mask_size={mask_size!r}, input must be '
                         f'(B, {rows * columns}, H, W). Fix: give it mask_size[0] * mask_size[1] channels')
    collected = _Collect.apply(input, (int(rows), int(columns)))
    if psa_type == 'collect':
        return collected
    batch, _, height, width = input.shape
    return collected.flatten(2).transpose(1, 2).reshape(batch, height * width, height, width)


class _Collect(torch.autograd.Function):

    @staticmethod
    def forward(ctx: Any, input: Tensor, size: tuple[int, int]) -> Tensor:
        ctx.size = size
        return collect(input, size)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return _Spread.apply(grad, ctx.size), None


class _Spread(torch.autograd.Function):

    @staticmethod
    def forward(ctx: Any, grad: Tensor, size: tuple[int, int]) -> Tensor:
        ctx.size = size
        return spread(grad, size)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return _Collect.apply(grad, ctx.size), None


def collect(input: Tensor, size: tuple[int, int]) -> Tensor:
    """The mode 'collect' without a graph: (B, R S, H, W) -> (B, H W, H, W)."""
    lines = [(torch.arange(length, device=input.device)[:, None] - torch.arange(length, device=input.device)
              + (numbers - 1) // 2) for length, numbers in zip(input.shape[2:], size, strict=True)]
    return _read(input, lines[0], lines[1], size)  # number r of row y's mask belongs to row i = y + r - (R - 1) // 2


def spread(grad: Tensor, size: tuple[int, int]) -> Tensor:
    """The transpose of :func:`collect`: (B, H W, H, W) -> (B, R S, H, W)."""
    lines = [(torch.arange(numbers, device=grad.device)[:, None] + torch.arange(length, device=grad.device)
              - (numbers - 1) // 2) for length, numbers in zip(grad.shape[2:], size, strict=True)]
    return _read(grad, lines[0], lines[1], (grad.size(2), grad.size(3)))


def _read(source: Tensor, rows: Tensor, columns: Tensor, limits: tuple[int, int]) -> Tensor:
    """Plane (a, b) of the result holds at (y, x) plane (rows[a, y], columns[b, x]) of the source, 0 beyond ``limits``.

    Args:
        source: (B, limits[0] * limits[1], H, W).
        rows, columns: (A, H) and (B', W), int64.

    Returns:
        (B, A * B', H, W).
    """
    on_rows, on_columns = ((line >= 0) & (line < limit) for line, limit in zip((rows, columns), limits, strict=True))
    plane = rows[:, None, :, None] * limits[1] + columns[None, :, None, :]  # (A, B', H, W)
    within = (on_rows[:, None, :, None] & on_columns[None, :, None, :]).flatten(0, 1)
    index = torch.where(within, plane.flatten(0, 1), 0).expand(source.size(0), -1, -1, -1)
    return source.gather(1, index).masked_fill(~within, 0)
