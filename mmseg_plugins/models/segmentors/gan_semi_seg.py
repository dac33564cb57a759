"""A generative adversarial network for segmentation with few labels: the segmentor is the discriminator.

Paper: "Semi Supervised Semantic Segmentation Using Generative Adversarial Network", ICCV 2017,
https://arxiv.org/abs/1703.09695.  Written after the text; no code of its authors is public.
"""

from __future__ import annotations

import itertools
from typing import Any

import torch
from mmseg.models import EncoderDecoder
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from mmseg_plugins.models.segmentors.unlabeled_batch import split_batch
from mmseg_plugins.registry import MODELS
from mmseg_plugins.utils.errors import UserError


@MODELS.register_module()
class NoiseGenerator(nn.Module):
    """Images of noise, by transposed convolutions as in DCGAN (https://arxiv.org/abs/1511.06434).

    Args:
        noise_channels: Of the noise, uniform in -1 .. 1.
        channels: Of the map of 8 x 8 cells; each doubling of its side halves them, down to the sixteenth part.

    Shape:
        A number of images and their height and width -> pixels (B, 3, H, W) of 0 .. 255.
    """

    def __init__(self, noise_channels: int = 100, channels: int = 256) -> None:
        super().__init__()
        self.noise_channels = noise_channels
        self.start = nn.ConvTranspose2d(noise_channels, channels, 8)
        layers: list[nn.Module] = [nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]
        widths = [channels // 2**step for step in range(5)]
        for before, after in itertools.pairwise(widths):
            layers += [nn.ConvTranspose2d(before, after, 4, 2, 1), nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers, nn.ConvTranspose2d(widths[-1], 3, 4, 2, 1), nn.Tanh())

    def forward(self, number: int, size: tuple[int, int]) -> Tensor:
        """Draw noise and make images of it; the net's 256 x 256 px are resized."""
        weight = self.start.weight
        noise = torch.rand(number, self.noise_channels, 1, 1).mul_(2).sub_(1).to(weight)
        images = F.interpolate(self.layers(self.start(noise)), size, mode='bilinear', align_corners=False)
        return (images + 1) * 127.5


@MODELS.register_module()
class GANSemiSeg(EncoderDecoder):
    """mmseg's ``EncoderDecoder`` that also tells real pixels from those of a generator.

    A classifier of K + 1 classes, the last of them "fake".  The probabilities of a softmax stay what they are when one
    number is taken from all its scores; so the score of "fake" is 0, and the head has K outputs as always
    (https://arxiv.org/abs/1606.03498, section 5).  With Z the sum of the exponentials of the K scores,
    P(fake) = 1 / (1 + Z).  Per pixel, averaged:

    .. code-block:: none

        loss_real = - log(1 - P(fake | unlabeled image))      loss_fake = - log P(fake | G(noise))
        decode.*  = gamma * losses of the head                loss_generator = log P(fake | G(noise))

    ``loss_generator`` reaches the generator alone, the others the segmentor alone; the two optimizers step together
    (``optim_wrapper.constructor='mmseg_plugins.OptimizerPerPart'``).  The paper's weakly supervised variant, with a
    generator of image labels, is not here.

    Args:
        args, kwargs: Of ``EncoderDecoder``.
        generator: Config of a module that makes pixels (B, 3, H, W); default ``NoiseGenerator``.
        gamma: Weight of the labeled images; recalled from the paper.

    Raises:
        UserError: a head of one channel, or a batch without labeled or unlabeled images.
    """

    takes_unlabeled = True  # what the check of a training's config asks

    def __init__(self, *args: Any, generator: dict | None = None, gamma: float = 2.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.out_channels < 2:
            raise UserError('GANSemiSeg: decode_head.out_channels=1.', rule='"fake" is one class more than the others.',
                            fix='out_channels=2, which a background class and one other have.')
        self.generator = MODELS.build(dict(type='mmseg_plugins.NoiseGenerator') | (generator or {}))
        self.gamma = gamma

    def loss(self, inputs: Tensor, data_samples: list) -> dict:
        """The losses named above."""
        parts = split_batch(inputs, data_samples)
        losses = {name: value * self.gamma if 'loss' in name else value
                  for name, value in super().loss(parts.labeled, parts.samples).items()}
        made = self._normalized(self.generator(len(parts.unlabeled), tuple(inputs.shape[2:])))
        losses['loss_real'] = F.softplus(-self._evidence(self._forward(parts.unlabeled))).mean()
        losses['loss_fake'] = F.softplus(self._evidence(self._forward(made.detach()))).mean()
        fixed = {name: weight.detach() for name, weight in self.named_parameters()
                 if not name.startswith('generator.')}
        judged = functional_call(self, fixed, (made, ), dict(mode='tensor'))
        losses['loss_generator'] = -F.softplus(self._evidence(judged)).mean()
        return losses

    def _evidence(self, scores: Tensor) -> Tensor:
        """log Z (B, h, w) of raw scores (B, K, h, w)."""
        return scores.float().logsumexp(1)

    def _normalized(self, pixels: Tensor) -> Tensor:
        """Pixels of 0 .. 255 as the preprocessor gives those of images."""
        mean, std = (getattr(self.data_preprocessor, name, None) for name in ('mean', 'std'))
        return pixels if mean is None or std is None else (pixels - mean) / std
