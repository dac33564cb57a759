"""Caffe2's Xavier fill, which Detectron and everything built on it start from.

Its other fill, MSRA (normal, variance 2 / fan_out), is what mmcv's ``ConvModule`` gives by itself.
"""

from __future__ import annotations

import math

import torch
from mmengine.model import update_init_info
from torch import Tensor, nn


@torch.no_grad()
def xavier_fill_(weight: Tensor) -> Tensor:
    """Fill ``weight`` in place with U(-a, a), a = sqrt(3 / fan_in), and return it.

    This is not ``torch.nn.init.xavier_uniform_``, which averages fan-in and fan-out.
    """
    bound = math.sqrt(3.0 * weight.shape[0] / weight.numel())
    return weight.uniform_(-bound, bound)


def note_init(module: nn.Module, text: str) -> None:
    """Tell mmengine's log of initial weights what was done to ``module``; outside that log it does nothing."""
    if hasattr(module, '_params_init_info'):
        update_init_info(module, init_info=text)


def caffe_msra() -> list[dict]:
    """``init_cfg`` of SegNet's Caffe models: N(0, 2 / fan_in) weights, zero biases, norms of scale 1 and shift .001."""
    return [
        dict(type='Kaiming', layer=['Conv2d', 'ConvTranspose2d'], mode='fan_in'),
        dict(type='Constant', layer='_BatchNorm', val=1.0, bias=0.001),
    ]
