"""VGG's fully connected layers as convolutions."""

from __future__ import annotations

from torch import Tensor

FC_KERNEL = 7  # cells of the last pool that a fully connected layer of VGG saw


def fc_as_conv(tensor: Tensor, kernel: int) -> Tensor:
    """The weight (F, C k k) of a fully connected layer as that of a convolution (F, C, k, k); a bias (F,) as it is."""
    return tensor if tensor.dim() != 2 else tensor.reshape(len(tensor), -1, kernel, kernel)
