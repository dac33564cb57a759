"""Feature pyramid with bottom-up path augmentation, as in PANet's released code.

Paper: "Path Aggregation Network for Instance Segmentation", https://arxiv.org/abs/1803.01534, section 3.1.
Original code (MIT): https://github.com/ShuLiu1993/PANet/blob/f055f716a21896dab8907c46c12e216323baefdb/lib/modeling/FPN.py

Stock mmdet ``PAFPN`` is a different module: its chain runs on the sums before the last convolution, it has no
activation, and it drops the bias of the bottom-up convolutions when a norm is set.

Shapes: B images, C_i input channels, C output channels, level i has stride 2^(i+2) and size H_i x W_i.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmseg_plugins.models.layers import conv_block, note_init, xavier_fill_
from mmseg_plugins.models.layers.default_configs import RELU, own_dict
from mmseg_plugins.registry import MODELS


@MODELS.register_module()
class PANetFPN(BaseModule):
    """Top-down pyramid, then a second path from the finest level up.

    .. code-block:: none

        C5 -lateral_convs.3-> M5 ------fpn_convs.3-> P5 --+-upper_convs.2-> N5 -max pool-> N6
                              | x2                        ^ downsample_convs.2
        C4 -lateral_convs.2-> M4 ------fpn_convs.2-> P4 --+-upper_convs.1-> N4
                              | x2                        ^ downsample_convs.1
        C3 -lateral_convs.1-> M3 ------fpn_convs.1-> P3 --+-upper_convs.0-> N3
                              | x2                        ^ downsample_convs.0
        C2 -lateral_convs.0-> M2 ------fpn_convs.0-> P2 = N2

    Lateral (1x1) and ``fpn_convs`` (3x3) have a norm and no activation; ``downsample_convs`` (3x3, stride 2) and
    ``upper_convs`` (3x3) keep their bias next to the norm and have an activation.  The chain continues from the final
    N_i.  Extra levels are made by subsampling the coarsest one (1x1 max pooling of stride 2).

    Args:
        in_channels: Channels of the input maps, finest first.
        out_channels: Channels of every output map.
        num_outs: Number of output maps, at least the number of used input maps.
        start_level: Input maps before this index are not used.
        bottom_up: ``False`` leaves the second path out: a plain FPN of otherwise the same parts.
        norm_cfg: Norm of all convolutions.  Official: ``dict(type='GN', num_groups=32)``.
        act_cfg: Activation of the bottom-up convolutions.  The paper has ReLU; the released code has it only with
            a norm (``act_cfg=None`` with ``norm_cfg=None`` gives the code's norm-free variant).
        init_cfg: Replaces the default fill (caffe2's Xavier, biases 0).

    Shape:
        Input: tuple of (B, C_i, H_i, W_i); each map half as large as the one before, rounded up or down as
        stride-2 convolutions with padding do (odd sizes work).
        Output: tuple of ``num_outs`` maps (B, C, H_i, W_i), finest first.
    """

    def __init__(self,
                 in_channels: Sequence[int],
                 out_channels: int,
                 num_outs: int,
                 start_level: int = 0,
                 bottom_up: bool = True,
                 norm_cfg: dict | None = None,
                 act_cfg: Mapping[str, Any] | None = RELU,
                 init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.in_channels = list(in_channels)
        self.out_channels = out_channels
        self.num_outs = num_outs
        self.start_level = start_level
        self.bottom_up = bottom_up
        used = self.in_channels[start_level:]
        if start_level < 0 or not used:
            raise ValueError(f'PANetFPN: start_level={start_level} must lie in 0..{len(self.in_channels) - 1} '
                             f'for in_channels={self.in_channels}')
        if num_outs < len(used):
            raise ValueError(
                f'PANetFPN: num_outs={num_outs} is smaller than the {len(used)} used levels of '
                f'in_channels={self.in_channels} from start_level={start_level}; a coarser level would be computed '
                'for nothing: raise num_outs, or drop stages from the out_indices of the backbone')
        plain: dict[str, Any] = dict(norm_cfg=norm_cfg, act_cfg=None, where='PANetFPN out_channels')
        augmented: dict[str, Any] = dict(plain, act_cfg=own_dict(act_cfg), bias=True)
        steps = range(len(used) - 1 if bottom_up else 0)
        self.lateral_convs = nn.ModuleList(conv_block(c, out_channels, 1, **plain) for c in used)
        self.fpn_convs = nn.ModuleList(conv_block(out_channels, out_channels, 3, **plain) for _ in used)
        self.downsample_convs = nn.ModuleList(
            conv_block(out_channels, out_channels, 3, stride=2, **augmented) for _ in steps)
        self.upper_convs = nn.ModuleList(conv_block(out_channels, out_channels, 3, **augmented) for _ in steps)

    def init_weights(self) -> None:
        """Fill all convolutions with caffe2's Xavier unless ``init_cfg`` says otherwise."""
        super().init_weights()
        if self.init_cfg:
            return
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                xavier_fill_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        note_init(self, 'PANetFPN: caffe2 XavierFill, bias 0')

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Give ``num_outs`` maps, finest first."""
        self._check(inputs)
        inner = [conv(x) for conv, x in zip(self.lateral_convs, inputs[self.start_level:], strict=True)]
        for i in range(len(inner) - 1, 0, -1):
            # Nearest to the size of the finer map: the factor 2 of the original wherever that fits, and the same
            # source pixel (i // 2) where the finer map is odd.
            inner[i - 1] = inner[i - 1] + F.interpolate(inner[i], size=inner[i - 1].shape[-2:], mode='nearest')
        outs = [conv(x) for conv, x in zip(self.fpn_convs, inner, strict=True)]
        if self.bottom_up:
            outs = self._augment(outs)
        while len(outs) < self.num_outs:
            outs.append(F.max_pool2d(outs[-1], 1, stride=2))
        return tuple(outs)

    def _augment(self, outs: list[Tensor]) -> list[Tensor]:
        """Run the bottom-up path over P_2.. and give N_2.. ."""
        path = [outs[0]]
        for down, up, lateral in zip(self.downsample_convs, self.upper_convs, outs[1:], strict=True):
            raised = down(path[-1])
            if raised.shape != lateral.shape:
                raise ValueError(
                    f'PANetFPN: halving the map of size {tuple(path[-1].shape[-2:])} gives '
                    f'{tuple(raised.shape[-2:])}, but the next level has {tuple(lateral.shape[-2:])}; the levels of '
                    'the backbone must each halve the one before (no dilated stages)')
            path.append(up(raised + lateral))
        return path

    def _check(self, inputs: Sequence[Tensor]) -> None:
        """Compare the number of maps and their channels with ``in_channels``."""
        got = [x.size(1) for x in inputs]
        if got != self.in_channels:
            raise ValueError(
                f'PANetFPN: in_channels={self.in_channels}, but the backbone gives {len(got)} maps of {got} channels; '
                'set in_channels to what the backbone gives (its out_indices choose the maps)')
