"""What the kernels of a dense CRF compare: where a pixel lies, and what color it has.

Shapes: H x W pixels, N = H W of them row by row, K image channels.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

Scale = float | Sequence[float]


def position_features(size: tuple[int, int], sxy: Scale, *, like: Tensor) -> Tensor:
    """(x / sx, y / sy) of every pixel, (N, 2); the kernel of smoothness.

    Args:
        size: H, W.
        sxy: Standard deviation in pixels, one number or one for x and one for y.
        like: A tensor whose type and device the result has.
    """
    scale = _scales(sxy, 2, 'sxy')
    height, width = size
    x = torch.arange(width, dtype=like.dtype, device=like.device) / scale[0]
    y = torch.arange(height, dtype=like.dtype, device=like.device) / scale[1]
    return torch.stack([x.expand(height, -1), y[:, None].expand(-1, width)], -1).flatten(0, 1)


def bilateral_features(image: Tensor, sxy: Scale, schan: Scale) -> Tensor:
    """(x / sx, y / sy, channels / s) of every pixel, (N, 2 + K); the kernel of appearance.

    The lattice is not invariant to the order of channels: with another one, results differ in the third digit.

    Args:
        image: (K, H, W), colors in 0..255 if ``schan`` is meant for those.
        sxy: Standard deviation in pixels, one number or one for x and one for y.
        schan: Standard deviation in color units, one number or one a channel.
    """
    channels = image if image.is_floating_point() and image.element_size() >= 4 else image.float()
    scale = channels.new_tensor(_scales(schan, len(image), 'schan'))
    colors = channels.flatten(1) / scale[:, None]  # (K, N)
    size = (image.shape[-2], image.shape[-1])
    return torch.cat([position_features(size, sxy, like=channels), colors.t()], 1)


def _scales(value: Scale, count: int, name: str) -> list[float]:
    values = [float(value)] * count if isinstance(value, (int, float)) else [float(v) for v in value]
    if len(values) != count or not all(v > 0 for v in values):
        raise ValueError(f'{name}={value}: give a number above 0, or {count} of them')
    return values
