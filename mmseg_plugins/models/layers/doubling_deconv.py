"""A learned upsampling by two, to a given size."""

from __future__ import annotations

import torch
from torch import Tensor, nn

KERNEL = (0.25, 0.75, 0.75, 0.25)  # bilinear interpolation by two


class DoublingDeconv(nn.Module):
    """Transposed convolution (4 x 4, stride 2, no bias) that starts as bilinear interpolation, cut to a size.

    Args:
        channels: C.

    Shape:
        (B, C, h, w) and a size (H, W), where h = ceil(H / 2) and w = ceil(W / 2) -> (B, C, H, W).  The last row or
        column is cut where H or W is odd.

    Raises:
        ValueError: another size.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.deconv = nn.ConvTranspose2d(channels, channels, 4, stride=2, padding=1, bias=False)
        kernel = torch.tensor(KERNEL)
        with torch.no_grad():
            self.deconv.weight.zero_()
            for channel in range(channels):
                self.deconv.weight[channel, channel] = kernel[:, None] * kernel

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """Double the map and cut it."""
        height, width = x.shape[-2:]
        if (height, width) != ((size[0] + 1) // 2, (size[1] + 1) // 2):
            raise ValueError(f'DoublingDeconv: a map of {height} x {width} cells is doubled to {2 * height} x '
                             f'{2 * width}, but {size[0]} x {size[1]} are wanted; take maps whose strides double from '
                             "one to the next, or upsample='bilinear'")
        return self.deconv(x)[..., :size[0], :size[1]]
