"""Batch norm that can use the statistics of the batch at test time, too."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class SwitchableBatchNorm2d(nn.BatchNorm2d):
    """``nn.BatchNorm2d`` with two switches; parameters, buffers and names are the same.

    Attributes:
        batch_statistics: In evaluation, normalise each map by mean and (biased) variance of this batch instead of the
            running ones, which stay as they are.  Predictions then depend on what else is in the batch.
        keep_running: In training, leave the running statistics alone: for a second run of the same forward pass.

    Shape:
        (B, C, H, W) -> (B, C, H, W).

    Raises:
        ValueError: batch statistics of a single value a channel.
    """

    batch_statistics = False
    keep_running = False

    def forward(self, x: Tensor) -> Tensor:
        """Normalise each channel."""
        alone = self.keep_running if self.training else self.batch_statistics
        if not alone:
            return super().forward(x)
        if x.numel() == x.shape[1]:
            raise ValueError(f'batch statistics of a map of {tuple(x.shape)} (B, C, H, W) are those of one value a '
                             'channel; use larger images, several at once, or batch_statistics=False')
        return F.batch_norm(x, None, None, self.weight, self.bias, training=True, eps=self.eps)
