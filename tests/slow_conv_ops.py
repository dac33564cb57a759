"""Slow transcriptions of the convolution-like operators of mmcv: loops over pixels and taps, double precision."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def slow_sample(image: Tensor, y: float, x: float) -> Tensor:
    """Bilinear sample of (C, H, W) with zeros outside; (C,)."""
    height, width = image.shape[1:]
    total = image.new_zeros(len(image))
    if not (-1 < y < height and -1 < x < width):
        return total
    low_y, low_x = math.floor(y), math.floor(x)
    for row in (low_y, low_y + 1):
        for column in (low_x, low_x + 1):
            if 0 <= row < height and 0 <= column < width:
                total = total + (1 - abs(y - row)) * (1 - abs(x - column)) * image[:, row, column]
    return total


def slow_deform_conv(input: Tensor, offset: Tensor, mask: Tensor | None, weight: Tensor, stride: tuple[int, int],
                     padding: tuple[int, int], dilation: tuple[int, int], groups: int, deform_groups: int) -> Tensor:
    """DCN version 1, or version 2 with ``mask``."""
    batch = len(input)
    out_channels, per_group, kh, kw = weight.shape
    out = input.new_zeros(batch, out_channels, *offset.shape[2:])
    offset = offset.view(batch, deform_groups, kh * kw, 2, *offset.shape[2:])
    for b in range(batch):
        for p in range(out.size(2)):
            for q in range(out.size(3)):
                for tap in range(kh * kw):
                    i, j = divmod(tap, kw)
                    column = []
                    for cell, image in enumerate(input[b].chunk(deform_groups)):
                        dy, dx = offset[b, cell, tap, :, p, q].tolist()
                        value = slow_sample(image, p * stride[0] - padding[0] + i * dilation[0] + dy,
                                            q * stride[1] - padding[1] + j * dilation[1] + dx)
                        column.append(value if mask is None else value * mask[b, cell * kh * kw + tap, p, q])
                    values = torch.cat(column).view(groups, per_group)
                    kernels = weight[:, :, i, j].view(groups, -1, per_group)
                    out[b, :, p, q] += (kernels * values[:, None]).sum(2).flatten()
    return out


def slow_ms_deform_attn(value: Tensor, shapes: Tensor, locations: Tensor, attention: Tensor) -> Tensor:
    """Deformable attention over levels, one head of one query at a time."""
    batch, _, heads, channels = value.shape
    out = value.new_zeros(batch, locations.size(1), heads, channels)
    for b in range(batch):
        for m in range(heads):
            start = 0
            for level, (height, width) in enumerate(shapes.tolist()):
                image = value[b, start:start + height * width, m].t().reshape(channels, height, width)
                start += height * width
                for q in range(locations.size(1)):
                    for p in range(locations.size(4)):
                        x, y = locations[b, q, m, level, p].tolist()
                        sample = slow_sample(image, y * height - 0.5, x * width - 0.5)
                        out[b, q, m] += attention[b, q, m, level, p] * sample
    return out.flatten(2)


def slow_carafe(features: Tensor, masks: Tensor, kernel: int, groups: int, scale: int) -> Tensor:
    """CARAFE, one output pixel at a time."""
    batch, channels, height, width = features.shape
    out = features.new_zeros(batch, channels, height * scale, width * scale)
    for p in range(height * scale):
        for q in range(width * scale):
            for tap in range(kernel * kernel):
                y, x = p // scale + tap // kernel - kernel // 2, q // scale + tap % kernel - kernel // 2
                if 0 <= y < height and 0 <= x < width:
                    weight = masks[:, tap::kernel * kernel, p, q].repeat_interleave(channels // groups, 1)
                    out[:, :, p, q] += features[:, :, y, x] * weight
    return out


def slow_psa_mask(mask: Tensor, mode: str, rows: int, columns: int) -> Tensor:
    """The mask of each pixel over the map, one number at a time."""
    batch, _, height, width = mask.shape
    out = mask.new_zeros(batch, height * width, height, width)
    for y in range(height):
        for x in range(width):
            for r in range(rows):
                for s in range(columns):
                    i, j = y + r - (rows - 1) // 2, x + s - (columns - 1) // 2
                    if 0 <= i < height and 0 <= j < width:
                        number = mask[:, r * columns + s, y, x]
                        if mode == 'collect':
                            out[:, i * width + j, y, x] = number
                        else:
                            out[:, y * width + x, i, j] = number
    return out
