"""Multi-scale deformable attention: mmcv's semantics, gradients, degenerate inputs."""

from __future__ import annotations

import importlib

import pytest
import torch
from mmcv.ops.multi_scale_deform_attn import multi_scale_deformable_attn_pytorch
from slow_conv_ops import slow_ms_deform_attn
from torch import Tensor
from torch.autograd import gradcheck

from mmseg_plugins.ops import ms_deform_attn

module = importlib.import_module('mmseg_plugins.ops.ms_deform_attn')


def make(batch: int = 2, queries: int = 5, heads: int = 2, channels: int = 3, points: int = 2,
         sizes: tuple[tuple[int, int], ...] = ((4, 5), (2, 3), (1, 1)), dtype: torch.dtype = torch.float64,
         ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    g = torch.Generator().manual_seed(0)
    shapes = torch.tensor(sizes)
    keys = shapes.prod(1)
    value = torch.randn(batch, int(keys.sum()), heads, channels, generator=g, dtype=dtype)
    locations = 1.4 * torch.rand(batch, queries, heads, len(sizes), points, 2, generator=g, dtype=dtype) - 0.2
    attention = torch.rand(batch, queries, heads, len(sizes), points, generator=g, dtype=dtype)
    return value, shapes, keys.cumsum(0) - keys, locations, attention


def test_agrees_with_the_slow_version() -> None:
    value, shapes, starts, locations, attention = make()
    torch.testing.assert_close(ms_deform_attn(value, shapes, starts, locations, attention),
                               slow_ms_deform_attn(value, shapes, locations, attention))


def test_values_and_gradients_are_those_of_mmcv_on_a_cpu() -> None:
    value, shapes, starts, locations, attention = make(batch=3, queries=20, heads=4, channels=8, points=4)
    leaves = [value.requires_grad_(), locations.requires_grad_(), attention.requires_grad_()]
    ours = ms_deform_attn(value, shapes, starts, locations, attention)
    theirs = multi_scale_deformable_attn_pytorch(value, shapes, locations, attention)
    torch.testing.assert_close(ours, theirs)
    top = torch.randn_like(ours)
    torch.testing.assert_close(torch.autograd.grad(ours, leaves, top), torch.autograd.grad(theirs, leaves, top))


def test_gradcheck() -> None:
    value, shapes, starts, locations, attention = make(batch=1, queries=2, channels=2, points=1)
    assert gradcheck(lambda v, where, a: ms_deform_attn(v, shapes, starts, where, a),
                     (value.requires_grad_(), locations.requires_grad_(), attention.requires_grad_()))


@pytest.mark.parametrize('entries', [1, 60, 150])
def test_parts_change_nothing(monkeypatch: pytest.MonkeyPatch, entries: int) -> None:
    value, shapes, starts, locations, attention = make(batch=3)
    leaves = [value.requires_grad_(), locations.requires_grad_(), attention.requires_grad_()]
    whole = ms_deform_attn(value, shapes, starts, locations, attention)
    gradients = torch.autograd.grad(whole.square().sum(), leaves)
    monkeypatch.setattr(module, 'MAX_ENTRIES', entries)
    parts = ms_deform_attn(value, shapes, starts, locations, attention, im2col_step=2)
    torch.testing.assert_close(parts, whole)
    torch.testing.assert_close(torch.autograd.grad(parts.square().sum(), leaves), gradients)


@pytest.mark.parametrize(('batch', 'queries'), [(0, 5), (2, 0)])
def test_nothing_to_attend_keeps_the_graph(batch: int, queries: int) -> None:
    value, shapes, starts, locations, attention = make(batch=batch, queries=queries)
    out = ms_deform_attn(value.requires_grad_(), shapes, starts, locations.requires_grad_(), attention)
    assert out.shape == (batch, queries, 6)
    out.sum().backward()
    assert value.grad is not None
    assert value.grad.eq(0).all()


def test_far_locations_read_nothing() -> None:
    value, shapes, starts, locations, attention = make()
    for place in (50.0, -1e30, float('nan'), float('inf')):
        out = ms_deform_attn(value, shapes, starts, torch.full_like(locations, place), attention)
        assert out.eq(0).all()


def test_half_is_computed_in_float32() -> None:
    value, shapes, starts, locations, attention = (t.half() if t.is_floating_point() else t for t in make())
    exact = ms_deform_attn(value.float(), shapes, starts, locations.float(), attention.float())
    assert torch.equal(ms_deform_attn(value, shapes, starts, locations, attention), exact.half())


def test_errors_name_the_shapes() -> None:
    value, shapes, starts, locations, attention = make()
    with pytest.raises(ValueError, match=r'attention_weights \(2, 5, 2, 3, 1\)'):
        ms_deform_attn(value, shapes, starts, locations, attention[..., :1])
