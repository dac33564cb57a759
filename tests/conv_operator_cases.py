"""Rows of the operator table for the convolution-like operators; of these mmcv has CPU code for three."""

from __future__ import annotations

from functools import partial
from typing import Any

import mmcv.ops
import torch
from mmcv.ops.multi_scale_deform_attn import MultiScaleDeformableAttnFunction
from operator_case import CUDA, Case
from torch import Tensor

# stride, padding, dilation, groups, deform_groups
SETTINGS = [(1, 1, 1, 1, 1), (2, 1, 1, 2, 1), ((1, 2), (0, 2), (2, 1), 1, 2), (1, 2, 2, 2, 4)]


def conv_cases() -> list[Case]:
    """All rows."""
    return [*_deform_cases(), *_attention_cases(), *_carafe_cases(), *_psa_cases(), *_masked_cases()]


def _deform_inputs(settings: tuple[Any, ...], offsets: str, batch: int, size: tuple[int, int]) -> tuple[Tensor, ...]:
    """Input, offset, mask, weight, bias."""
    g = torch.Generator().manual_seed(0)
    strides, paddings, dilations = ((value, value) if isinstance(value, int) else value for value in settings[:3])
    groups, deform_groups = settings[3:]
    rows, columns = ((length + 2 * pad - 2 * dilation - 1) // stride + 1 for length, pad, dilation, stride in zip(
        size, paddings, dilations, strides, strict=True))
    offset = torch.randn(batch, 18 * deform_groups, rows, columns, generator=g)
    offset = {'random': 2 * offset, 'zero': 0 * offset, 'whole': offset.round(), 'far': 30 * offset}[offsets]
    return (torch.randn(batch, 8, *size, generator=g), offset,
            torch.rand(batch, 9 * deform_groups, rows, columns, generator=g),
            torch.randn(6, 8 // groups, 3, 3, generator=g), torch.randn(6, generator=g))


def _deform_cases() -> list[Case]:
    rows = []
    for settings in SETTINGS:
        for offsets in ('random', 'zero', 'whole', 'far'):
            for batch, size in ((1, (5, 5)), (2, (7, 9))):
                inputs = partial(_deform_inputs, settings, offsets, batch, size)
                name = f'{settings}, {offsets} offsets, {batch} x {size}'
                rows.append(Case(f'deform_conv, {name}', inputs, partial(_deform_conv, settings), (0, 1, 3), 1e-5))
                rows.append(Case(f'modulated_deform_conv, {name}', inputs, partial(_modulated, settings),
                                 (0, 1, 2, 3, 4), 1e-5))
    return rows


def _deform_conv(settings: tuple[Any, ...], x: Tensor, offset: Tensor, mask: Tensor, weight: Tensor,
                 bias: Tensor) -> Tensor:
    return mmcv.ops.deform_conv2d(x, offset, weight, *settings, False, 2)


def _modulated(settings: tuple[Any, ...], *inputs: Tensor) -> Tensor:
    return mmcv.ops.modulated_deform_conv2d(*inputs, *settings)


def _attention_inputs(queries: int) -> tuple[Tensor, ...]:
    """Value, level shapes, level starts, locations, attention."""
    g = torch.Generator().manual_seed(0)
    return (torch.randn(2, 27, 2, 8, generator=g), torch.tensor([[4, 5], [2, 3], [1, 1]]), torch.tensor([0, 20, 26]),
            1.4 * torch.rand(2, queries, 2, 3, 4, 2, generator=g) - 0.2,
            torch.rand(2, queries, 2, 3, 4, generator=g))


def _attention_cases() -> list[Case]:
    return [Case(f'ms_deform_attn, {queries} queries', partial(_attention_inputs, queries),
                 lambda *inputs: MultiScaleDeformableAttnFunction.apply(*inputs, 64), (0, 3, 4), 1e-5, (CUDA, ))
            for queries in (1, 50)]


def _carafe_cases() -> list[Case]:
    rows = []
    for kernel, groups, scale in ((5, 1, 2), (3, 2, 3), (1, 4, 1)):
        for name, operator in (('carafe', mmcv.ops.carafe), ('carafe_naive', mmcv.ops.carafe_naive)):
            rows.append(Case(
                f'{name}, kernel {kernel}, {groups} groups, scale {scale}',
                partial(_carafe_inputs, groups * kernel**2, scale),
                lambda x, m, f=operator, s=(kernel, groups, scale): f(x, m, *s), (0, 1), 1e-5, (CUDA, )))
    return rows


def _carafe_inputs(planes: int, scale: int) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(0)
    return torch.randn(2, 8, 4, 5, generator=g), torch.rand(2, planes, 4 * scale, 5 * scale, generator=g)


def _psa_cases() -> list[Case]:
    return [Case(f'psa_mask, {mode}, map {height} x {width}, mask {rows} x {columns}',
                 lambda shape=(2, rows * columns, height, width): (
                     torch.randn(shape, generator=torch.Generator().manual_seed(0)), ),
                 mmcv.ops.PSAMask(mode, (rows, columns)), (0, ), 0)
            for mode in ('collect', 'distribute')
            for height, width, rows, columns in ((3, 4, 5, 7), (4, 3, 2, 4), (1, 1, 3, 3), (3, 3, 9, 9))]


def _masked_cases() -> list[Case]:
    """mmcv's masked convolution has no gradient."""

    def inputs(share: float) -> tuple[Tensor, ...]:
        g = torch.Generator().manual_seed(0)
        return (torch.randn(1, 3, 6, 5, generator=g), (torch.rand(1, 6, 5, generator=g) < share).float(),
                torch.randn(4, 3, 3, 3, generator=g), torch.randn(4, generator=g))

    return [Case(f'masked_conv, {share} of the pixels', partial(inputs, share),
                 lambda x, mask, w, b: mmcv.ops.masked_conv2d(x, mask, w, b, 1), (), 1e-5, (CUDA, ))
            for share in (0.0, 0.5, 1.0)]


