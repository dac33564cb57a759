"""CoordConv's two channels: where a position lies in its image.

Paper: An Intriguing Failing of Convolutional Neural Networks and the CoordConv Solution, https://arxiv.org/abs/1807.03247;
the convention is that of https://github.com/WXinlong/SOLO/tree/f4cd03b9404e3bd84ca0be45966fb61d20d2efe6 .
"""

from __future__ import annotations

import torch
from torch import Tensor


def coordinate_maps(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, 2, H, W) of the same type and device: x, then y, each from -1 to 1 with both ends.

    Example: a map three columns wide has the x values -1, 0, 1 in every row, whatever its stride.
    """
    batch, _, height, width = x.shape
    xs = torch.linspace(-1, 1, width, device=x.device).expand(batch, 1, height, width)
    ys = torch.linspace(-1, 1, height, device=x.device)[:, None].expand(batch, 1, height, width)
    return torch.cat([xs, ys], dim=1).to(x.dtype)
