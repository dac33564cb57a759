"""Deformable convolution, versions 1 and 2: mmcv's semantics, gradients, degenerate inputs."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from slow_conv_ops import slow_deform_conv
from torch import Tensor
from torch.autograd import gradcheck

from mmseg_plugins.ops import deform_conv, deform_conv2d, modulated_deform_conv2d

CASES: dict[str, dict[str, Any]] = {
    'plain': dict(),
    'stride and padding': dict(stride=(2, 1), padding=(1, 2)),
    'dilation': dict(padding=(2, 2), dilation=(2, 1)),
    'groups': dict(padding=(1, 1), groups=2),
    'deform_groups': dict(padding=(1, 1), deform_groups=2),
    'both groups': dict(padding=(1, 0), groups=2, deform_groups=4),
}
DEFAULTS = dict(stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1, deform_groups=1)


def make(kernel: tuple[int, int] = (3, 3), size: tuple[int, int] = (5, 6), batch: int = 2, channels: int = 4,
         **options: Any) -> tuple[tuple[Tensor, Tensor, Tensor, Tensor], dict[str, Any]]:
    """Input, offset, mask, weight in float64, and the options in full."""
    options = DEFAULTS | options
    g = torch.Generator().manual_seed(0)
    rows, columns = ((length + 2 * pad - step * (taps - 1) - 1) // stride + 1
                     for length, pad, step, taps, stride in zip(size, options['padding'], options['dilation'], kernel,
                                                                options['stride'], strict=True))
    taps = kernel[0] * kernel[1] * options['deform_groups']
    input = torch.randn(batch, channels, *size, generator=g, dtype=torch.float64)
    offset = 2 * torch.randn(batch, 2 * taps, rows, columns, generator=g, dtype=torch.float64)
    mask = torch.rand(batch, taps, rows, columns, generator=g, dtype=torch.float64)
    weight = torch.randn(6, channels // options['groups'], *kernel, generator=g, dtype=torch.float64)
    return (input, offset, mask, weight), options


@pytest.mark.parametrize('name', CASES)
def test_agrees_with_the_slow_version(name: str) -> None:
    (input, offset, mask, weight), options = make(**CASES[name])
    torch.testing.assert_close(deform_conv2d(input, offset, weight, **options),
                               slow_deform_conv(input, offset, None, weight, **options))
    bias = torch.arange(6.).double()
    torch.testing.assert_close(modulated_deform_conv2d(input, offset, mask, weight, bias, **options),
                               slow_deform_conv(input, offset, mask, weight, **options) + bias[:, None, None])


def test_kernel_that_is_not_square() -> None:
    (input, offset, mask, weight), options = make(kernel=(1, 4), padding=(0, 1))
    torch.testing.assert_close(modulated_deform_conv2d(input, offset, mask, weight, None, **options),
                               slow_deform_conv(input, offset, mask, weight, **options))


@pytest.mark.parametrize('name', CASES)
def test_gradcheck(name: str) -> None:
    sources, options = make(size=(4, 3) if name != 'dilation' else (4, 4), channels=4, **CASES[name])
    input, offset, mask, weight = (source.requires_grad_() for source in sources)
    bias = torch.zeros(6, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda *a: deform_conv2d(*a, **options), (input, offset, weight), fast_mode=True)
    assert gradcheck(lambda *a: modulated_deform_conv2d(*a, **options), (input, offset, mask, weight, bias),
                     fast_mode=True)


def test_gradcheck_of_every_number() -> None:
    sources, options = make(size=(3, 2), batch=1, channels=2, padding=(1, 1))
    assert gradcheck(lambda *a: modulated_deform_conv2d(*a[:3], a[3], None, **options),
                     tuple(source.requires_grad_() for source in sources))


def test_zero_offsets_are_a_plain_convolution() -> None:
    (input, offset, mask, weight), options = make(padding=(1, 1), stride=(2, 1), groups=2)
    plain = F.conv2d(input, weight, None, (2, 1), (1, 1), groups=2)
    torch.testing.assert_close(deform_conv2d(input, 0 * offset, weight, **options), plain)
    ones = torch.ones_like(mask)
    torch.testing.assert_close(modulated_deform_conv2d(input, 0 * offset, ones, weight, None, **options), plain)


def test_at_zero_offsets_the_derivative_is_the_one_to_the_right() -> None:
    """As in mmcv: inside the map the next pixel minus this one; at -1, on the limit, none."""
    input = torch.tensor([[[[1., 4, 9, 16]]]])
    offset = torch.zeros(1, 2, 1, 6, requires_grad=True)  # one tap; with the padding it reads x = -1 .. 4
    deform_conv2d(F.pad(input, (0, 0, 0, 1)), offset, torch.ones(1, 1, 1, 1), stride=(2, 1), padding=(0, 1)
                  ).sum().backward()
    assert offset.grad is not None
    assert offset.grad[0, 1, 0].tolist() == [0, 3, 5, 7, -16, 0]


def test_far_and_meaningless_offsets_read_nothing() -> None:
    (input, offset, mask, weight), options = make(padding=(1, 1))
    for value in (1e6, -1e30, float('inf'), float('-inf'), float('nan')):
        moved = torch.full_like(offset, value).requires_grad_()
        out = modulated_deform_conv2d(input, moved, mask, weight, None, **options)
        out.sum().backward()
        assert out.eq(0).all()
        assert moved.grad is not None
        assert moved.grad.eq(0).all()


def test_map_of_one_pixel() -> None:
    (input, offset, mask, weight), options = make(size=(1, 1), padding=(1, 1))
    torch.testing.assert_close(modulated_deform_conv2d(input, offset, mask, weight, None, **options),
                               slow_deform_conv(input, offset, mask, weight, **options))


def test_empty_batch() -> None:
    sources, options = make(batch=0)
    input, offset, mask, weight = (source.requires_grad_() for source in sources)
    out = modulated_deform_conv2d(input, offset, mask, weight, None, **options)
    assert out.shape == (0, 6, 3, 4)
    out.sum().backward()
    assert weight.grad is not None
    assert weight.grad.eq(0).all()


@pytest.mark.parametrize('numbers', [1, 300, 1000])
def test_parts_change_nothing(monkeypatch: pytest.MonkeyPatch, numbers: int) -> None:
    """Rows of one image, or some images, at a time."""
    sources, options = make(batch=3, padding=(1, 1))
    leaves = [source.requires_grad_() for source in sources]
    whole = modulated_deform_conv2d(*leaves, None, **options)
    top = torch.randn_like(whole)
    gradients = torch.autograd.grad(whole, leaves, top)
    monkeypatch.setattr(deform_conv, 'MAX_NUMBERS', numbers)
    parts = modulated_deform_conv2d(*leaves, None, **options)
    torch.testing.assert_close(parts, whole)
    torch.testing.assert_close(torch.autograd.grad(parts, leaves, top), gradients)


def test_im2col_step_changes_nothing() -> None:
    (input, offset, _, weight), options = make(batch=3)
    torch.testing.assert_close(deform_conv2d(input, offset, weight, **options, im2col_step=1),
                               deform_conv2d(input, offset, weight, **options))


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_types_are_computed_in_float32(dtype: torch.dtype) -> None:
    sources, options = make(padding=(1, 1))
    input, offset, mask, weight = (source.to(dtype).requires_grad_() for source in sources)
    out = modulated_deform_conv2d(input, offset, mask, weight, None, **options)
    exact = modulated_deform_conv2d(*(source.float() for source in (input, offset, mask, weight)), None, **options)
    assert torch.equal(out, exact.to(dtype))
    out.sum().backward()
    assert offset.grad is not None
    assert offset.grad.dtype == dtype


def test_autocast_changes_nothing() -> None:
    sources, options = make(padding=(1, 1))
    input, offset, _, weight = (source.float().requires_grad_() for source in sources)
    wanted = deform_conv2d(input, offset, weight, **options)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        out = deform_conv2d(input, offset, weight, **options)
    assert torch.equal(out, wanted)


def test_frozen_sources_get_no_gradient() -> None:
    (input, offset, _, weight), options = make()
    offset.requires_grad_()
    deform_conv2d(input, offset, weight, **options).sum().backward()
    assert input.grad is None
    assert offset.grad is not None
    assert offset.grad.abs().sum() > 0


@pytest.mark.parametrize(('change', 'message'), [
    (dict(groups=3), 'groups=3'),
    (dict(deform_groups=3), 'deform_groups=3'),
    (dict(stride=2), r'offset of shape \(2, 18, 3, 4\), it must be \(2, 18, 2, 2\)'),
    (dict(dilation=4), 'it must have a pixel'),
])
def test_errors_name_the_value(change: dict[str, Any], message: str) -> None:
    (input, offset, _, weight), options = make()
    with pytest.raises(ValueError, match=message):
        deform_conv2d(input, offset, weight, **(options | {key: (value, value) if key not in ('groups', 'deform_groups')
                                                           else value for key, value in change.items()}))


class FakeTorchvision:
    """``torchvision.ops`` whose kernel gives the offsets of samples at -1 a gradient, as torchvision's does."""

    @staticmethod
    def deform_conv2d(input: Tensor, offset: Tensor, weight: Tensor, bias: None, stride: tuple[int, int],
                      padding: tuple[int, int], dilation: tuple[int, int], mask: Tensor | None) -> Tensor:
        groups = input.size(1) // weight.size(1)
        deform_groups = offset.size(1) // (2 * weight.size(2) * weight.size(3))
        wide = F.pad(input, (1, 1, 1, 1))  # zeros that can be read
        ones = torch.ones(len(input), offset.size(1) // 2, *offset.shape[2:], dtype=input.dtype)
        layout = deform_conv.Layout((weight.size(2), weight.size(3)), stride, (padding[0] - 1, padding[1] - 1),
                                    dilation, groups, deform_groups)
        return deform_conv._DeformConv.apply(wide, offset, ones if mask is None else mask, weight, layout)


@pytest.mark.parametrize('zero', [True, False])
@pytest.mark.parametrize('name', ['stride and padding', 'both groups', 'dilation'])
def test_torchvision_gives_the_same(monkeypatch: pytest.MonkeyPatch, name: str, zero: bool) -> None:
    """At zero offsets too, where its kernel alone would give other gradients at the border."""
    (input, offset, mask, weight), options = make(**CASES[name])
    leaves = [leaf.requires_grad_() for leaf in (input, offset * (0 if zero else 1), mask, weight)]
    wanted = modulated_deform_conv2d(*leaves, None, **options)
    top = torch.randn_like(wanted)
    gradients = torch.autograd.grad(wanted, leaves, top)
    alone = FakeTorchvision.deform_conv2d(*leaves[:2], leaves[3], None, *list(options.values())[:3], leaves[2])
    assert torch.allclose(torch.autograd.grad(alone, leaves, top)[1], gradients[1]) != zero

    monkeypatch.setattr(deform_conv, 'torchvision_ops', lambda: FakeTorchvision)
    monkeypatch.setattr(deform_conv, '_torchvision_reads', lambda maps: maps.shape == input.shape)
    found = modulated_deform_conv2d(*leaves, None, **options)
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(torch.autograd.grad(found, leaves, top), gradients)
    torch.testing.assert_close(deform_conv2d(*leaves[:2], weight, **options),
                               modulated_deform_conv2d(*leaves[:2], torch.ones_like(mask), weight, None, **options))
