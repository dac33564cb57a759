"""ENet's decoder, and the classifier that trains its encoder alone.

Paper: "ENet: A Deep Neural Network Architecture for Real-Time Semantic Segmentation", https://arxiv.org/abs/1606.02147.
Original and port: see ``models/layers/enet_blocks.py``, which also says how they differ.

Shapes: B images, C classes, w base channels, H x W pixels.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from mmseg_plugins.models.decode_heads.own_classifier_head import OwnClassifierHead
from mmseg_plugins.models.layers.enet_blocks import Bottleneck, UpBottleneck, enet_style
from mmseg_plugins.registry import MODELS


@MODELS.register_module()
class ENetHead(OwnClassifierHead):
    """Decoder of ENet: two unpooling blocks with bottlenecks after them, and a transposed convolution to C scores.

    .. code-block:: none

        stage3 (8w) - up1 - stage4 (4w) - up2 - stage5 (w) - score (C, the image's size)
                       |                   |
                    indices2            indices1

    Args:
        in_channels: Of the maps of ``ENet`` in their order: [w, 4w, 8w, w, 4w], the last two being indices; a sixth
            map is the image (``WithImage``), whose size the scores take.  Without it they have twice the size of the
            first map, one pixel more than an image of odd size.
        variant: ``'paper'`` or ``'port'``, as in the backbone.
        kwargs: Of ``OwnClassifierHead``; ``in_index`` must list as many maps as ``in_channels``.

    Shape:
        ``forward``: maps as above -> scores (B, C, H, W).

    Raises:
        ValueError: ``in_channels`` does not list the maps of an ``ENet``.
    """

    several_maps = True

    def __init__(self, in_channels: list[int], *, num_classes: int, variant: str = 'paper', **kwargs: Any) -> None:
        style = enet_style(variant, 'ENetHead')
        width = in_channels[0] if in_channels else 0
        expected = [width, 4 * width, 8 * width, width, 4 * width]
        if width < 1 or list(in_channels[:5]) != expected or len(in_channels) > 6:
            raise ValueError(f'ENetHead: in_channels={list(in_channels)} must be [w, 4w, 8w, w, 4w], the maps and '
                             'indices of mmseg_plugins.ENet(with_indices=True), and perhaps the channels of the image')
        super().__init__(in_channels, num_classes=num_classes, **kwargs)
        dropout = style.decoder_dropout

        def stage(channels: int, number: int) -> nn.Sequential:
            return nn.Sequential(*(Bottleneck(channels, style=style, relu=True, dropout=dropout)
                                   for _ in range(number)))

        self.up1 = UpBottleneck(8 * width, 4 * width, style=style, dropout=dropout)
        self.stage4 = stage(4 * width, 2)
        self.up2 = UpBottleneck(4 * width, width, style=style, dropout=dropout)
        self.stage5 = stage(width, 1)
        last = style.last_kernel
        self.score = nn.ConvTranspose2d(
            width, self.out_channels, last, stride=2, padding=(last - 1) // 2, bias=style.bias)

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Score every pixel."""
        first, second, x, indices1, indices2, *image = self._transform_inputs(inputs)
        height, width = first.shape[-2:]
        x = self.stage4(self.up1(x, indices2, second.shape[-2:]))
        x = self.stage5(self.up2(x, indices1, (height, width)))
        scores = self.score(x, output_size=[2 * height, 2 * width])
        # A transposed convolution to an odd size is the one to the even size above it without its last row.
        return scores[..., :image[0].shape[-2], :image[0].shape[-1]] if image else scores


@MODELS.register_module()
class ENetEncoderHead(OwnClassifierHead):
    """First stage of ENet's training: a 1x1 classifier on the encoder, with its loss at stride 8.

    Args:
        in_channels: 8w, of the third map of ``ENet``.
        in_index: 2, the third map.
        label_stride: 8, the paper's; None would resize the scores to the label.
        kwargs: Of ``OwnClassifierHead``.

    Shape:
        ``forward``: maps of ``ENet`` -> scores (B, C, H / 8, W / 8).
    """

    def __init__(self, in_channels: int, *, num_classes: int, in_index: int = 2, label_stride: int | None = 8,
                 **kwargs: Any) -> None:
        super().__init__(in_channels, num_classes=num_classes, in_index=in_index, label_stride=label_stride, **kwargs)
        self.encoder_score = nn.Conv2d(in_channels, self.out_channels, 1)

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Score every cell of the encoder's map."""
        return self.encoder_score(self._transform_inputs(inputs))
