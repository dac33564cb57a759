"""A host's ResNet with the first pooling of Caffe and MXNet, for weights that were trained with it.

Pooling 3 x 3 with stride 2: torch's ResNets pad one pixel on all sides and round down. MSRA's Caffe net and MXNet's
pad none and add a last, cut window where the size needs it; DeepLab v2's pads and adds. Pixel i of the pooled map
reads pixels 2i - 1 .. 2i + 1 with padding and 2i .. 2i + 2 without: the same weights see a picture shifted by one
pixel of a stride-2 map (a quarter of a cell after the pooling), which costs accuracy on small objects.

Source: https://github.com/msracver/FCIS/blob/309f6c9a1669bf05a955b66519a807951e70197f/fcis/symbols/resnet_v1_101_fcis.py
"""

from __future__ import annotations

from typing import Any

from torch import nn

from mmseg_plugins.registry import MODELS


@MODELS.register_module()
def CeilPoolResNet(*, host: str = 'mmdet', pool_padding: int = 0, **kwargs: Any) -> nn.Module:
    """Build the host's ``ResNet`` and give it ``MaxPool2d(3, 2, pool_padding, ceil_mode=True)``.

    The result is the host's class with the host's keys, so its checkpoints load as they are.

    Args:
        host: ``'mmdet'`` or ``'mmseg'``.
        pool_padding: 0, or 1 for DeepLab v2: with it stage 1 has floor(floor((H + 1) / 2) / 2) + 1 rows, and a side of
            8k + 1 gives k + 1 cells at stride 8.
        kwargs: Of the host's ``ResNet``.  FCIS: ``depth=101, strides=(1, 2, 2, 1), dilations=(1, 1, 1, 2),
            out_indices=(2, 3), style='caffe', frozen_stages=1, norm_eval=True,
            norm_cfg=dict(type='BN', requires_grad=False)``.

    Shape:
        (B, 3, H, W); after the pooling without padding the map has ceil((ceil(H / 2) - 3) / 2) + 1 rows, which is a
        quarter of H when 4 divides H.

    Raises:
        ValueError: for another host.
    """
    if host not in ('mmdet', 'mmseg'):
        raise ValueError(f"CeilPoolResNet: host={host!r}, it must be 'mmdet' or 'mmseg'")
    net = MODELS.build(dict(type=f'{host}.ResNet', **kwargs))
    net.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=pool_padding, ceil_mode=True)
    return net
