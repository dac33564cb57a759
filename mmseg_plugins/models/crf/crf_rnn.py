"""CRF-RNN: mean field iterations as a layer with trained weights.

Paper: "Conditional Random Fields as Recurrent Neural Networks", https://arxiv.org/abs/1502.03240.
Original code: torrvision/crfasrnn@2156669 (Caffe), sadeepj/crfasrnn_pytorch@24899c5, whose parameter names are kept.

Shapes: B images, C classes, H x W pixels, N = H W.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from .crf_features import bilateral_features, position_features
from .mean_field import ExactMessages, LatticeMessages, Messages, mean_field


class CRFRNN(nn.Module):
    """Refine logits by T mean field iterations; gradients reach the logits and three C x C matrices.

    .. code-block:: none

        current = u
        T times:  q = softmax(current);  current = u + M (W_s K_s q + W_b K_b q)

    K_s, K_b are Gaussian filters divided by their own response to ones ("after"); no gradient reaches the image or the
    bandwidths.  The paper describes one weight a class and kernel; the released code has full matrices, as here.

    Args:
        num_classes: C.
        alpha, beta: Standard deviations of the bilateral kernel, px and color units.
        gamma: Of the spatial kernel, px.
        spatial_weight, bilateral_weight: Initial W_s and W_b, times the identity.
        iterations: T.
        mode: ``lattice``, or ``exact``: the sum over all pairs of pixels, for small images.
        pad_to_multiple: 4 gives the original's results also where N is not a multiple of 4.

    Shape:
        ``forward``: image (B, K, H, W) and logits (B, C, H, W) -> logits (B, C, H, W).
    """

    def __init__(self,
                 num_classes: int,
                 *,
                 alpha: float = 160.0,
                 beta: float = 3.0,
                 gamma: float = 3.0,
                 spatial_weight: float = 3.0,
                 bilateral_weight: float = 5.0,
                 iterations: int = 10,
                 mode: Literal['lattice', 'exact'] = 'lattice',
                 pad_to_multiple: int = 1) -> None:
        super().__init__()
        if mode not in ('lattice', 'exact'):
            raise ValueError(f'CRFRNN: mode={mode!r} must be "lattice" or "exact"')
        self.mode = mode
        self.alpha, self.beta, self.gamma = alpha, beta, gamma
        self.iterations = iterations
        self.pad_to_multiple = pad_to_multiple
        # the Caffe layer keeps M = -I and subtracts; here, as in the PyTorch code, M = I and messages are added
        self.spatial_ker_weights = nn.Parameter(spatial_weight * torch.eye(num_classes))
        self.bilateral_ker_weights = nn.Parameter(bilateral_weight * torch.eye(num_classes))
        self.compatibility_matrix = nn.Parameter(torch.eye(num_classes))

    def forward(self, image: Tensor, logits: Tensor, iterations: int | None = None) -> Tensor:
        """Refine ``logits``; in float32, or float64 for such logits.

        Raises:
            ValueError: image and logits differ in size.
        """
        if image.shape[-2:] != logits.shape[-2:] or len(image) != len(logits):
            raise ValueError(
                f'CRFRNN: image {tuple(image.shape)} and logits {tuple(logits.shape)} differ in number or size. '
                'Fix: resize the logits to the image')
        steps = self.iterations if iterations is None else iterations
        with torch.autocast(logits.device.type, enabled=False):
            exact = logits if logits.dtype == torch.float64 else logits.float()
            colors = image.detach().to(exact.dtype)
            mixes = [(self.compatibility_matrix.to(exact.dtype) @ weights.to(exact.dtype)).t()
                     for weights in (self.spatial_ker_weights, self.bilateral_ker_weights)]
            refined = []
            for one, pixels in zip(exact, colors, strict=True):  # each image has its own lattices
                rows = one.flatten(1).t()  # (C, H, W) -> (N, C)
                refined.append(mean_field(rows, self.messages(pixels), mixes, steps).t().reshape(one.shape))
            return torch.stack(refined)

    def messages(self, image: Tensor) -> Messages:
        """The two kernels of one image (K, H, W)."""
        size = (image.shape[-2], image.shape[-1])
        features = [position_features(size, self.gamma, like=image), bilateral_features(image, self.alpha, self.beta)]
        if self.mode == 'exact':
            return ExactMessages(features, 'after')
        return LatticeMessages(features, 'after', pad_to_multiple=self.pad_to_multiple)
