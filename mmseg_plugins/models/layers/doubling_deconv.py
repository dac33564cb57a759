"""A learned upsampling by two, to a given size."""

from __future__ import annotations

from torch import Tensor, nn

from .bilinear_deconv import BilinearDeconv2d


class DoublingDeconv(nn.Module):
    """Deconvolution (4 x 4, stride 2, no bias) that begins as bilinear interpolation and is learned, cut to a size.

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
        self.deconv = BilinearDeconv2d(channels, 2, padding=1, learned=True)

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """Double the map and cut it."""
        height, width = x.shape[-2:]
        if (height, width) != ((size[0] + 1) // 2, (size[1] + 1) // 2):
            raise ValueError(f'DoublingDeconv: a map of {height} x {width} cells is doubled to {2 * height} x '
                             f'{2 * width}, but {size[0]} x {size[1]} are wanted; take maps whose strides double from '
                             "one to the next, or upsample_method='bilinear'")
        return self.deconv(x)[..., :size[0], :size[1]]
