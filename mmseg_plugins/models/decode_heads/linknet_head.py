"""LinkNet's decoder: blocks that enlarge a map and are added to the encoder's map of the same stage.

Paper: "LinkNet: Exploiting Encoder Representations for Efficient Semantic Segmentation",
https://arxiv.org/abs/1707.03718.
Sources: https://github.com/e-lab/LinkNet (Lua) and
https://github.com/e-lab/pytorch-linknet/tree/99a7c81355ab0158a1aba7f78dcbd24569fc0c1e (names; ends with a log-softmax,
which is left out here).

segmentation_models.pytorch's Linknet is another network: kernels of 4, five blocks, the skip from before the pooling.

Shapes: B images of H x W px, C classes; the encoder's maps have h_i x w_i cells at strides 4, 4, 8, 16 and 32.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from mmcv.cnn import build_norm_layer
from torch import Tensor, nn

from mmseg_plugins.models.decode_heads.own_classifier_head import OwnClassifierHead
from mmseg_plugins.models.layers.init import note_init
from mmseg_plugins.registry import MODELS

BOTTLENECK = 4  # a block works with a quarter of its input's channels


class LinkNetBlock(nn.Module):
    """1 x 1 to a quarter of the channels, a 3 x 3 deconvolution, 1 x 1 to the new width; norm and ReLU after each.

    Shape:
        (B, C_in, h, w) -> (B, C_out, stride h, stride w).
    """

    def __init__(self, in_channels: int, out_channels: int, *, stride: int, norm_cfg: dict, bias: bool) -> None:
        super().__init__()
        width = in_channels // BOTTLENECK
        deconv = nn.ConvTranspose2d(
            width, width, 3, stride=stride, padding=1, output_padding=stride - 1, bias=bias)
        self.conv1 = _with_norm(nn.Conv2d(in_channels, width, 1, bias=bias), norm_cfg)
        self.tp_conv = _with_norm(deconv, norm_cfg)
        self.conv2 = _with_norm(nn.Conv2d(width, out_channels, 1, bias=bias), norm_cfg)

    def forward(self, x: Tensor) -> Tensor:
        """Enlarge ``x``."""
        return self.conv2(self.tp_conv(self.conv1(x)))


@MODELS.register_module()
class LinkNetHead(OwnClassifierHead):
    """LinkNet's four decoder blocks and its tail, on a ResNet-18 or any encoder with maps of these strides.

    .. code-block:: none

        layer4 - decoder4 - + - decoder3 - + - decoder2 - + - decoder1 - + - tp_conv1 - conv2 - tp_conv2 - scores
        layer3 -------------+              |              |              |      x2        x1       x2
        layer2 ----------------------------+              |              |
        layer1 -------------------------------------------+              |
        stem, after its pooling ----------------------------------------+

    ``TapBackbone(net=dict(type='mmseg.ResNet', depth=18, ...), taps=['maxpool'])`` gives the five maps.

    Any image size is taken.  A doubled map is cut to the encoder's where that has an odd side (the original needs
    multiples of 32, where nothing is cut).  The scores cover 4 h_0 x 4 w_0 px: the image, where 4 divides its sides;
    otherwise up to 3 px more, which mmseg resizes to the image: pad to a multiple of 4 to avoid that.

    Args:
        in_channels: Of the stem's map and the four stages', e.g. ``[64, 64, 128, 256, 512]``.
        num_classes: C.
        in_index: Their places among the backbone's maps.
        tail_channels: Between the two deconvolutions of the tail; 32 in the original.
        norm_cfg: ``dict(type='BN')`` as in the port (eps 1e-5); the Lua network has ``dict(type='BN', eps=1e-3)``.
        block_bias: Biases in the blocks' convolutions: none in the port, in all of the Lua network.  The tail has them
            in both.
        kwargs: Of ``OwnClassifierHead``.

    Shape:
        five maps (B, C_i, h_i, w_i), fine to coarse -> scores (B, C, 4 h_0, 4 w_0).

    Raises:
        ValueError: another number of maps, channels that 4 does not divide, maps whose sizes do not halve.
    """

    several_maps = True

    def __init__(self,
                 in_channels: Sequence[int],
                 *,
                 num_classes: int,
                 in_index: Sequence[int] = (0, 1, 2, 3, 4),
                 tail_channels: int = 32,
                 norm_cfg: dict | None = None,
                 block_bias: bool = False,
                 **kwargs: Any) -> None:
        if len(in_channels) != 5 or any(channels % BOTTLENECK for channels in in_channels[1:]):
            raise ValueError(f'LinkNetHead: in_channels={list(in_channels)} must be five numbers, those of the stages '
                             'divisible by 4: the stem after its pooling, then the stages at strides 4, 8, 16 and 32')
        norm = norm_cfg or dict(type='BN')
        super().__init__(
            in_channels, num_classes=num_classes, in_index=in_index, norm_cfg=norm, **kwargs)
        stem = in_channels[0]
        for number in (1, 2, 3, 4):
            block = LinkNetBlock(in_channels[number], in_channels[number - 1], stride=1 if number == 1 else 2,
                                 norm_cfg=norm, bias=block_bias)
            setattr(self, f'decoder{number}', block)
        self.tp_conv1 = _with_norm(
            nn.ConvTranspose2d(stem, tail_channels, 3, stride=2, padding=1, output_padding=1), norm)
        self.conv2 = _with_norm(nn.Conv2d(tail_channels, tail_channels, 3, padding=1), norm)
        self.tp_conv2 = nn.ConvTranspose2d(tail_channels, self.out_channels, 2, stride=2)

    def init_weights(self) -> None:
        """Normal numbers of variance 2 / (k k C_out), zero biases, unless ``init_cfg`` says otherwise."""
        if not self.init_cfg:
            for layer in self.modules():
                if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
                    fan_out = layer.kernel_size[0] * layer.kernel_size[1] * layer.out_channels
                    nn.init.normal_(layer.weight, std=math.sqrt(2 / fan_out))
                    if layer.bias is not None:
                        nn.init.zeros_(layer.bias)
            note_init(self, 'LinkNetHead: normal, variance 2 / fan-out')
        super().init_weights()

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Give scores (B, C, 4 h_0, 4 w_0)."""
        *skips, x = self._transform_inputs(inputs)
        for number in (4, 3, 2, 1):
            x = self._add(getattr(self, f'decoder{number}')(x), skips[number - 1])
        return self.tp_conv2(self.conv2(self.tp_conv1(x)))

    def _add(self, x: Tensor, skip: Tensor) -> Tensor:
        """The sum, with ``x`` cut to the size of ``skip`` at the right and lower border."""
        height, width = skip.shape[-2:]
        if not (0 <= x.shape[-2] - height <= 1 and 0 <= x.shape[-1] - width <= 1):
            raise ValueError(f'LinkNetHead: a block gives {x.shape[-2]} x {x.shape[-1]} cells for a map of {height} x '
                             f'{width}; the maps must have strides 4 (after the pooling), 4, 8, 16 and 32')
        return x[..., :height, :width] + skip


def _with_norm(conv: nn.Conv2d | nn.ConvTranspose2d, norm_cfg: dict) -> nn.Sequential:
    """Convolution, norm, ReLU."""
    return nn.Sequential(conv, build_norm_layer(norm_cfg, conv.out_channels)[1], nn.ReLU(inplace=True))
