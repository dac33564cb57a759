"""SegNet and DeconvNet of any width as parts of a config, mirrored decoders included."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.config import ConfigDict
from mmengine.registry import MODELS
from torch import Tensor, nn

FULL = (64, 128, 256, 512, 512)
TINY = (4, 6, 8, 10, 10)


def mirrored(widths: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Widths of SegNet's decoder for an encoder of VGG16's shape."""
    one, two, three, four, five = widths
    return (five, five, four), (four, four, three), (three, three, two), (two, one), (one, )


def segnet_parts(channels: Sequence[int] = TINY, num_classes: int = 5, *, net: dict | None = None,
                 **head: Any) -> tuple[dict, dict]:
    """Configs of backbone and head; ``net`` and ``head`` are further settings."""
    backbone = dict(type='mmseg_plugins.WithImage',
                    net=dict(dict(type='mmseg_plugins.SegNetEncoder', channels=channels), **(net or {})))
    decoder = dict(type='mmseg_plugins.SegNetHead', in_channels=(channels[-1], *channels, 3), num_classes=num_classes,
                   widths=mirrored(channels), loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True))
    return backbone, dict(decoder, **head)


def basic_parts(width: int = 4, num_classes: int = 5) -> tuple[dict, dict]:
    """SegNet-Basic: four stages of one width, windows of 7, no ReLU in the decoder."""
    net = dict(type='mmseg_plugins.SegNetEncoder', convs=(1, 1, 1, 1), channels=(width, ) * 4, kernel_size=7,
               lrn=dict(size=5, alpha=1e-4, beta=0.75))
    head = dict(type='mmseg_plugins.SegNetHead', in_channels=(*(width, ) * 5, 3), in_index=(3, 4, 5, 6, 7, 8),
                num_classes=num_classes, widths=((width, ), ) * 4, kernel_size=7, classifier_kernel=1, act_cfg=None,
                loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True))
    return dict(type='mmseg_plugins.WithImage', net=net), head


def deconvnet_parts(widths: Sequence[int] = TINY, fc: int = 12, num_classes: int = 5, side: int = 1,
                    **head: Any) -> tuple[dict, dict]:
    """Configs of backbone and head; images are 32 ``side`` px."""
    backbone = dict(type='mmseg_plugins.DeconvNetEncoder', channels=widths, fc_channels=fc, fc_kernel=side)
    decoder = dict(type='mmseg_plugins.DeconvNetHead', in_channels=(fc, *widths), num_classes=num_classes,
                   widths=(*mirrored(widths)[:4], (widths[0], ) * 2), fc_kernel=side,
                   loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True))
    return backbone, dict(decoder, **head)


def segmentor(parts: tuple[dict, dict], kind: str = 'EncoderDecoder', **test_cfg: Any) -> nn.Module:
    """mmseg's segmentor around the two parts, with plain normalisation of the pixels."""
    backbone, head = parts
    preprocessor = dict(type='SegDataPreProcessor', mean=[128.0] * 3, std=[64.0] * 3, seg_pad_val=255, size_divisor=1)
    return MODELS.build(dict(type=kind, data_preprocessor=preprocessor, backbone=backbone, decode_head=head,
                             test_cfg=ConfigDict(dict(dict(mode='whole'), **test_cfg))))


def scores(model: nn.Module, image: Tensor) -> Tensor:
    """What the decode head gives."""
    return model.decode_head(model.backbone(image))
