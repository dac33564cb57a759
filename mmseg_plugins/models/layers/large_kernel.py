"""Large separable kernels and boundary refinement, the two blocks of the global convolutional network.

Paper: Large Kernel Matters, https://arxiv.org/abs/1703.02719, sections 3.1 and 3.2.  No original code was released; the
details are those of the port
https://github.com/zijundeng/pytorch-semantic-segmentation/blob/4a1721f9a3284788336430efb140288096c6dd09/models/gcn.py .
"""

from __future__ import annotations

from torch import Tensor, nn


class LargeKernelConv(nn.Module):
    """A k x k window by two pairs of one-dimensional convolutions, without anything nonlinear.

    .. code-block:: none

        x -+-> left1 (k x 1, rows) ----> left2 (1 x k, columns) --+
           +-> right1 (1 x k, columns) -> right2 (k x 1, rows) ---+-> sum

    Args:
        in_channels: Of the input.
        out_channels: Of the output and in between.
        kernel_size: k, odd; it may exceed the map, which is padded with zeros.

    Shape:
        (B, ``in_channels``, h, w) -> (B, ``out_channels``, h, w).

    Raises:
        ValueError: an even k, which would shift the map, or one below 1.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int) -> None:
        super().__init__()
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise ValueError(f'LargeKernelConv: kernel_size={kernel_size}, it must be odd (the paper tries 3 to 15 and '
                             'takes 25 on large crops)')
        rows = dict(kernel_size=(kernel_size, 1), padding=(kernel_size // 2, 0))
        columns = dict(kernel_size=(1, kernel_size), padding=(0, kernel_size // 2))
        self.left1 = nn.Conv2d(in_channels, out_channels, **rows)  # type: ignore[arg-type]
        self.left2 = nn.Conv2d(out_channels, out_channels, **columns)  # type: ignore[arg-type]
        self.right1 = nn.Conv2d(in_channels, out_channels, **columns)  # type: ignore[arg-type]
        self.right2 = nn.Conv2d(out_channels, out_channels, **rows)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Sum of the two separable windows."""
        return self.left2(self.left1(x)) + self.right2(self.right1(x))


class BoundaryRefinement(nn.Module):
    """Scores plus a learned residual: x + conv(ReLU(conv(x))), both 3 x 3 with bias.

    Shape:
        (B, C, h, w) -> the same.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Add the residual to the scores."""
        return x + self.conv2(self.conv1(x).relu())
