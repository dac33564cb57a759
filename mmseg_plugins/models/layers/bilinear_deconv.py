"""Deconvolutions that begin, and often stay, as bilinear interpolation.

Paper: "Fully Convolutional Networks for Semantic Segmentation", https://arxiv.org/abs/1605.06211, section 4.3.
Source: https://github.com/shelhamer/fcn.berkeleyvision.org/blob/1305c7378a9f0ab44b2c936f4d60e4687e3d8743/surgery.py

Used by FCN, CRF-RNN, DilatedNet and DeconvNet.  A deconvolution of kernel 16, stride 8 and padding 4 with this kernel
is ``F.interpolate(scale_factor=8, align_corners=False)`` but for the outer 4 px, where it fades to zero and
``interpolate`` repeats the border.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def bilinear_kernel(size: int) -> Tensor:
    """The kernel (size, size) of bilinear interpolation, float32.

    With f = (size + 1) // 2 and center c = f - 1 for an odd size, f - 0.5 for an even one:
    ``kernel[i, j] = (1 - |i - c| / f) (1 - |j - c| / f)``.  Size 4: rows of 1/4, 3/4, 3/4, 1/4, each times the same.
    """
    if size < 1:
        raise ValueError(f'bilinear_kernel: size={size} must be at least 1')
    factor = (size + 1) // 2
    center = factor - 1 if size % 2 else factor - 0.5
    line = 1 - (torch.arange(size, dtype=torch.float64) - center).abs() / factor
    return torch.outer(line, line).float()


@torch.no_grad()
def bilinear_fill_(weight: Tensor) -> Tensor:
    """Fill a deconvolution's weight in place so that every channel is interpolated by itself, and return it.

    Args:
        weight: (C, C, k, k), of which the diagonal is filled and the rest is zero, or (C, 1, k, k) of a deconvolution
            in C groups.

    Raises:
        ValueError: for another shape: channels that turn into other channels are not an interpolation.
    """
    channels, per_group, height, width = weight.shape
    if per_group not in (1, channels) or height != width:
        raise ValueError(f'bilinear_fill_: a weight of {tuple(weight.shape)}; it must be (C, C, k, k), or (C, 1, k, k) '
                         'for C groups')
    kernel = bilinear_kernel(height).to(weight)
    if per_group == 1:
        return weight.copy_(kernel.expand_as(weight))
    weight.zero_()
    index = torch.arange(channels, device=weight.device)
    weight[index, index] = kernel
    return weight


class BilinearDeconv2d(nn.ConvTranspose2d):
    """A deconvolution that enlarges ``stride`` times, filled with the bilinear kernel.

    The whole weight is kept, also where it is frozen: it loads and saves under the names of the original networks,
    whose checkpoints may hold learned kernels.

    Args:
        channels: C, in and out.
        stride: s.
        kernel_size: k; default 2 s - s % 2, the smallest that interpolates.
        padding: Cut from each side of the result.  0 is FCN's, which crops later; (k - s) / 2 gives s times the size.
        groups: 1 (weight (C, C, k, k)) or C (weight (C, 1, k, k)).
        bias: Add a bias, zero at first (CRF-RNN's first step has one).
        learned: Train weight and bias; otherwise they are parameters without a gradient.

    Shape:
        (B, C, h, w) -> (B, C, s (h - 1) + k - 2 padding, s (w - 1) + k - 2 padding).
    """

    def __init__(self,
                 channels: int,
                 stride: int,
                 *,
                 kernel_size: int | None = None,
                 padding: int = 0,
                 groups: int = 1,
                 bias: bool = False,
                 learned: bool = False) -> None:
        size = 2 * stride - stride % 2 if kernel_size is None else kernel_size
        super().__init__(channels, channels, size, stride=stride, padding=padding, groups=groups, bias=bias)
        self.requires_grad_(learned)

    def reset_parameters(self) -> None:
        """Fill the bilinear kernel; the bias is zero."""
        bilinear_fill_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)
