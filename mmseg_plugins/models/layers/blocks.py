"""Convolution and fully connected blocks: layer + norm + activation, with readable errors."""

from __future__ import annotations

from typing import Any

from mmcv.cnn import ConvModule, build_activation_layer, build_norm_layer
from torch import Tensor, nn


def check_norm_channels(norm_cfg: dict | None, channels: int, where: str, values_per_channel: int = 2) -> None:
    """Raise ``ValueError`` when a group norm cannot be applied to ``channels`` channels.

    Args:
        norm_cfg: The norm's config; anything but ``type='GN'`` passes.
        channels: Number of channels to be normalized.
        where: Name of the layer, for the message.
        values_per_channel: Positions per channel (1 after a fully connected layer).  A group that holds a single
            value would always be normalized to zero.
    """
    if norm_cfg is None or norm_cfg.get('type') != 'GN':
        return
    groups = norm_cfg.get('num_groups')
    if not groups or channels % groups:
        raise ValueError(
            f'{where} has {channels} channels, which {groups} groups of norm_cfg={dict(norm_cfg)} do not divide; '
            f'choose num_groups from the divisors of {channels} or another width')
    if channels // groups * values_per_channel < 2:
        raise ValueError(
            f'{where} has {channels} channels in {groups} groups: one value a group is always normalised to zero; '
            f'choose num_groups <= {channels // 2} or a larger width')


def conv_block(in_channels: int,
               out_channels: int,
               kernel_size: int,
               *,
               where: str,
               stride: int = 1,
               bias: bool | str = 'auto',
               norm_cfg: dict | None = None,
               act_cfg: dict | None = None) -> ConvModule:
    """Build convolution + norm + activation with "same" padding; ``act_cfg=None`` means no activation.

    Args:
        where: Name of the layer in error messages.
        bias: ``'auto'`` keeps a bias only where no norm follows.
    """
    check_norm_channels(norm_cfg, out_channels, where)
    return ConvModule(
        in_channels,
        out_channels,
        kernel_size,
        stride=stride,
        padding=kernel_size // 2,
        bias=bias,
        norm_cfg=norm_cfg,
        act_cfg=act_cfg)


class FCModule(nn.Module):
    """Linear (with bias) + norm + activation on vectors.

    Shape:
        (N, ...) -> (N, ``out_features``); everything after N is flattened first.
    """

    def __init__(self,
                 in_features: int,
                 out_features: int,
                 *,
                 where: str,
                 norm_cfg: dict | None = None,
                 act_cfg: dict[str, Any] | None = None) -> None:
        super().__init__()
        self.linear = nn.Linear(in_features, out_features)
        self.norm = None
        if norm_cfg is not None:
            check_norm_channels(norm_cfg, out_features, where, values_per_channel=1)
            self.norm = build_norm_layer(norm_cfg, out_features)[1]
        self.act = build_activation_layer(dict(act_cfg)) if act_cfg else None

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, ...) to (N, ``out_features``)."""
        x = self.linear(x.flatten(1))
        if self.norm is not None:
            x = self.norm(x[:, :, None, None])[:, :, 0, 0]  # as an image of one pixel: BN, SyncBN and GN all take it
        return x if self.act is None else self.act(x)
