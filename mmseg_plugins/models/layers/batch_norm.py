"""Batch norm that can use the statistics of the batch at test time, too."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class TestTimeBatchNorm2d(nn.BatchNorm2d):
    """``nn.BatchNorm2d`` with two switches; parameters, buffers and names are the same.

    Attributes:
        batch_statistics: In evaluation, normalize each map by mean and (biased) variance of this batch instead of the
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
        if self.training and self.keep_running:
            # Copies, and not None: what is kept for the backward pass must be as in the first run.
            running: tuple[Tensor | None, Tensor | None] = None, None
            if self.running_mean is not None and self.running_var is not None:
                running = self.running_mean.clone(), self.running_var.clone()
            return F.batch_norm(x, *running, self.weight, self.bias, training=True, eps=self.eps)
        if self.training or not self.batch_statistics:
            return super().forward(x)
        if x.numel() == x.shape[1]:
            raise ValueError(f'batch statistics of a map of {tuple(x.shape)} (B, C, H, W) are those of one value a '
                             'channel; use larger images, several at once, or batch_statistics=False')
        return F.batch_norm(x, None, None, self.weight, self.bias, training=True, eps=self.eps)
