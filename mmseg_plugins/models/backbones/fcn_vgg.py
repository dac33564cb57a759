"""FCN's VGG: five stages with pools that round up, and the fully connected layers as convolutions.

Paper: "Fully Convolutional Networks for Semantic Segmentation", https://arxiv.org/abs/1605.06211.
Source: https://github.com/shelhamer/fcn.berkeleyvision.org/blob/1305c7378a9f0ab44b2c936f4d60e4687e3d8743/voc-fcn8s/net.py

Shapes: B images of H x W px, P pixels of zeros put around them by the first convolution.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from mmseg_plugins.models.backbones.vgg import VGG
from mmseg_plugins.models.layers.dropout import build_dropout
from mmseg_plugins.models.layers.fc_as_conv import FC_KERNEL, fc_as_conv
from mmseg_plugins.registry import MODELS


@MODELS.register_module()
class FCNVGG(VGG):
    """VGG whose ``fc6`` (7 x 7) and ``fc7`` (1 x 1) slide over the map after the last pool.

    .. code-block:: none

        image, P zeros around it -> stages 0 .. 2 -> pool3 -> stage 3 -> pool4 -> stage 4 -> fc6 -> fc7

    With the original's P = 100 an image of a single pixel has scores: n = H + 198 is halved five times, rounding up,
    and ``fc6`` takes 6 cells: H = 1, 32, 97, 224, 500 give 1, 2, 4, 8, 16 cells.  The padding costs time (3.5 times as
    many pixels at 224 x 224).  ``first_padding=1, fc_padding=3`` sees the same windows with the zeros put around the
    last map instead of the image, and keeps the usual sizes: a backbone at strides 8, 16 and 32 for any pyramid.

    Args:
        depth: 11, 13, 16 (the original) or 19.
        base_channels: Of the first stage; 64 is the original, other numbers are for small experiments.
        fc_channels: Of ``fc6`` and ``fc7``; 4096 in the original.
        with_bn: Batch norm after every convolution, ``fc6`` and ``fc7`` too; the original has none.
        first_padding: P.
        fc_padding: Cells of zeros around the last pool's map: 0 in the original, 3 keeps its size.
        dropout: After ``fc6`` and ``fc7``: ``'element'`` (Caffe) or ``'channel'`` (wkentaro/pytorch-fcn).
        dropout_ratio: Share that is dropped.
        frozen_stages, norm_eval: As in :class:`VGG`.
        init_cfg: ``dict(type='Pretrained', checkpoint='torchvision://vgg16')`` for ImageNet weights; default Kaiming.
            torchvision's ``classifier.0`` and ``classifier.3`` are read as ``fc6`` and ``fc7``, by ``load_state_dict``
            also; ``classifier.6`` (ImageNet's classes) has no place and is reported as not used.

    Shape:
        (B, 3, H, W) -> pool3 (B, 4 b, n3, n3'), pool4 (B, 8 b, n4, n4'), fc7 (B, fc_channels, n, n'); b is
        ``base_channels``, n3 is H + 2 P - 2 halved three times, rounding up, n = ceil(ceil(n3 / 2) / 2) - 6 +
        2 fc_padding.

    Raises:
        ValueError: an image too small for ``fc6`` (not with P = 100), another dropout.
    """

    def __init__(self,
                 depth: int = 16,
                 *,
                 base_channels: int = 64,
                 fc_channels: int = 4096,
                 with_bn: bool = False,
                 first_padding: int = 100,
                 fc_padding: int = 0,
                 dropout: str = 'element',
                 dropout_ratio: float = 0.5,
                 frozen_stages: int = 0,
                 norm_eval: bool = False,
                 init_cfg: dict | list | None = None) -> None:
        if fc_padding not in (0, FC_KERNEL // 2):
            raise ValueError(f'FCNVGG: fc_padding={fc_padding} must be 0 (the original) or 3 (keeps the size)')
        super().__init__(
            depth,
            base_channels=base_channels,
            with_bn=with_bn,
            ceil_mode=True,
            out_indices=(2, 3, 4),
            frozen_stages=frozen_stages,
            norm_eval=norm_eval,
            init_cfg=init_cfg)
        first = self.features[0]
        assert isinstance(first, nn.Conv2d)
        first.padding = (first_padding, first_padding)
        self.first_padding, self.fc_padding = first_padding, fc_padding
        self.fc6 = nn.Conv2d(8 * base_channels, fc_channels, FC_KERNEL, padding=fc_padding)
        self.fc7 = nn.Conv2d(fc_channels, fc_channels, 1)
        self.norm6 = nn.BatchNorm2d(fc_channels) if with_bn else nn.Identity()
        self.norm7 = nn.BatchNorm2d(fc_channels) if with_bn else nn.Identity()
        self.relu = nn.ReLU(inplace=True)
        self.dropout = build_dropout(dropout, dropout_ratio, 'FCNVGG: dropout')

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Give pool3, pool4 and fc7."""
        pool3, pool4, pool5 = super().forward(x)
        if min(pool5.shape[-2:]) + 2 * self.fc_padding < FC_KERNEL:
            raise ValueError(
                f'FCNVGG: an image of {x.shape[-2]} x {x.shape[-1]} px leaves {pool5.shape[-2]} x {pool5.shape[-1]} '
                f'cells for fc6, which needs {FC_KERNEL - 2 * self.fc_padding}; first_padding={self.first_padding} and '
                f'fc_padding={self.fc_padding}: raise one of them (100 and 0 fit any image, 1 and 3 any as well)')
        fc6 = self.dropout(self.relu(self.norm6(self.fc6(pool5))))
        return pool3, pool4, self.dropout(self.relu(self.norm7(self.fc7(fc6))))

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *args: Any) -> None:
        """Read torchvision's fully connected layers as convolutions."""
        for old, new, kernel in (('classifier.0', 'fc6', FC_KERNEL), ('classifier.3', 'fc7', 1)):
            for param in ('weight', 'bias'):
                if f'{prefix}{old}.{param}' in state_dict:
                    state_dict[f'{prefix}{new}.{param}'] = fc_as_conv(state_dict.pop(f'{prefix}{old}.{param}'), kernel)
        super()._load_from_state_dict(state_dict, prefix, *args)
