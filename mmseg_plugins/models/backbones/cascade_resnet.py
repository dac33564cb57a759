"""DeepLab v3's cascade: a ResNet with copies of its last stage after it, and rates inside the stages.

Paper: "Rethinking Atrous Convolution for Semantic Image Segmentation", https://arxiv.org/abs/1706.05587, section 3.2
(blocks 5, 6, 7; the multi-grid method).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.model import Sequential
from torch import nn

from mmseg_plugins.registry import MODELS

STAGES = 4  # of a ResNet


@MODELS.register_module()
def CascadeResNet(*,
                  host: str = 'mmseg',
                  extra_stages: int = 3,
                  multi_grid: Sequence[int] | None = (1, 2, 4),
                  dilations: Sequence[int] = (1, 1, 1, 2),
                  out_indices: Sequence[int] = (0, 1, 2, 6),
                  **kwargs: Any) -> nn.Module:
    """Build the host's ``ResNet`` with stages 5, 6, .. after its fourth.

    .. code-block:: none

        image -> layer1 .. layer3 -> layer4 -> layer5 -> layer6 -> layer7
        rates at output stride 16:     2         4         8        16     x multi_grid inside each stage

    Each extra stage has the residual units of stage 4, stride 1 and twice the rate of the stage before.  ``multi_grid``
    multiplies the rates of the units of stage 4 and of every extra stage; mmseg's own option of that name replaces
    them, so that its ``multi_grid=(1, 2, 4)`` at stride 16 has rates 1, 2, 4 where the paper has 2, 4, 8.

    The result is the host's class; checkpoints of its first four stages load as they are.  Decided here, as the paper
    does not say: extra stages start as the identity (Kaiming, and 0 for the last norm's weight of each unit).

    Args:
        host: ``'mmdet'`` or ``'mmseg'``.
        extra_stages: How many; the paper's best is 3, blocks 5 to 7.
        multi_grid: One number for each unit of a stage (3 from depth 50 on, 2 for depth 18), or None.
        dilations: Of the first four stages; with ``strides`` (1, 2, 2, 1) and (1, 1, 1, 2) for output stride 16,
            (1, 2, 1, 1) and (1, 1, 2, 4) for 8.
        out_indices: Stages whose maps are given, 0 .. 3 + ``extra_stages``.
        kwargs: Of the host's ``ResNet``.

    Shape:
        (B, 3, H, W) -> the maps of ``out_indices``; extra stages have the size and channels of stage 4.

    Raises:
        ValueError: for another host, ``multi_grid`` of another length, ``out_indices`` beyond the last stage.
    """
    if host not in ('mmdet', 'mmseg'):
        raise ValueError(f"CascadeResNet: host={host!r}, it must be 'mmdet' or 'mmseg'")
    if not out_indices or not set(out_indices) <= set(range(STAGES + extra_stages)):
        raise ValueError(f'CascadeResNet: out_indices={tuple(out_indices)} must be stages of 0..'
                         f'{STAGES + extra_stages - 1}, with extra_stages={extra_stages}')
    net = MODELS.build(dict(type=f'{host}.ResNet', dilations=dilations, out_indices=(STAGES - 1, ), **kwargs))
    units = len(net.layer4)
    if multi_grid is not None and len(multi_grid) != units:
        raise ValueError(f'CascadeResNet: multi_grid={tuple(multi_grid)} needs {units} numbers, one for each unit of a '
                         f'stage at depth {net.depth}')
    grid = tuple(multi_grid or [1] * units)
    rate = dilations[-1]
    for unit, factor in zip(net.layer4, grid, strict=True):
        _set_rate(unit, rate * factor)
    for index in range(extra_stages):
        rate *= 2
        name = f'layer{STAGES + 1 + index}'
        net.add_module(name, Sequential(*(_unit(net, rate * factor) for factor in grid)))
        net.res_layers.append(name)
    net.out_indices = tuple(out_indices)
    return net


def _set_rate(unit: Any, rate: int) -> None:
    """Dilate the 3 x 3 convolution of a unit that the host dilates: the second of a bottleneck, else the first."""
    conv = unit.conv2 if hasattr(unit, 'conv3') else unit.conv1
    conv.dilation = conv.padding = (rate, rate)


def _unit(net: Any, rate: int) -> nn.Module:
    """A residual unit with the channels of stage 4 that begins as the identity."""
    last = 'norm3' if hasattr(net.layer4[0], 'conv3') else 'norm2'
    init = [
        dict(type='Kaiming', layer='Conv2d'),
        dict(type='Constant', val=1, layer=['_BatchNorm', 'GroupNorm']),
        dict(type='Constant', val=0, override=dict(name=last)),
    ]
    return net.block(
        inplanes=net.feat_dim,
        planes=net.feat_dim // net.block.expansion,
        dilation=rate,
        style=net.style,
        with_cp=net.with_cp,
        conv_cfg=net.conv_cfg,
        norm_cfg=net.norm_cfg,
        init_cfg=init)
