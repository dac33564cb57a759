"""What every convolution-like operator promises: no loop over pixels, images that do not mix, types that are kept."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from test_all_operators import CountCalls
from torch import Tensor

from mmseg_plugins import ops
from mmseg_plugins.ops import weighted_rows as weighted_rows_module


def deform(x: Tensor) -> Tensor:
    return ops.deform_conv2d(x, noise(x, 18), noise(x.new_zeros(1, 4, 3, 3), 4)[:, :4].expand(5, -1, -1, -1), 1, 1)


def modulated(x: Tensor) -> Tensor:
    weight = noise(x.new_zeros(1, 4, 3, 3), 4).expand(5, -1, -1, -1)
    return ops.modulated_deform_conv2d(x, noise(x, 18), noise(x, 9), weight, None, 1, 1)


def attention(x: Tensor) -> Tensor:
    height, width = x.shape[2:]
    shapes, starts = torch.tensor([[height, width]], device=x.device), torch.tensor([0], device=x.device)
    value = x.flatten(2).transpose(1, 2).unflatten(2, (2, 2))
    where = noise(x, 12).flatten(2).transpose(1, 2).reshape(len(x), -1, 2, 1, 3, 2) / 4
    return ops.ms_deform_attn(value, shapes, starts, where, where[..., 0])


def upsampled(x: Tensor) -> Tensor:
    return ops.carafe(x, noise(x, 36).view(len(x), 9, 2 * x.size(2), 2 * x.size(3)), 3, 1, 2)


def noise(x: Tensor, planes: int) -> Tensor:
    """Numbers of a formula, the same for every image: (B, planes, H, W)."""
    pixels = torch.arange(planes * x.size(2) * x.size(3), device=x.device, dtype=x.dtype)
    return (pixels * 12.9898).sin().mul(2).view(1, planes, *x.shape[2:]).expand(len(x), -1, -1, -1).contiguous()


OPERATORS: dict[str, Callable[[Tensor], Tensor]] = {
    'deform_conv2d': deform,
    'modulated_deform_conv2d': modulated,
    'ms_deform_attn': attention,
    'carafe': upsampled,
    'psa_mask': lambda x: ops.psa_mask(x, 'distribute', 2),
}


@pytest.mark.parametrize('name', OPERATORS)
def test_no_loop_over_pixels(name: str) -> None:
    calls = []
    for size in (4, 9):
        x = torch.randn(2, 4, size, size, requires_grad=True)
        with CountCalls() as counter:
            OPERATORS[name](x).sum().backward()
        calls.append(counter.calls)
    assert calls[1] <= calls[0] + 5  # shapes decide on a copy or two


@pytest.mark.parametrize('name', OPERATORS)
def test_images_of_the_batch_do_not_mix(name: str) -> None:
    x = torch.randn(3, 4, 5, 6)
    together = OPERATORS[name](x)
    for image in range(3):
        torch.testing.assert_close(together[image:image + 1], OPERATORS[name](x[image:image + 1]))


@pytest.mark.parametrize('name', OPERATORS)
def test_autocast_changes_nothing(name: str) -> None:
    x = torch.randn(2, 4, 5, 6, requires_grad=True)
    wanted = OPERATORS[name](x)
    slopes = torch.autograd.grad(wanted.square().sum(), x)[0]
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = OPERATORS[name](x)
        assert torch.equal(found, wanted)
        assert torch.equal(torch.autograd.grad(found.square().sum(), x)[0], slopes)


@pytest.mark.parametrize('name', OPERATORS)
def test_channels_last_maps_give_the_same(name: str) -> None:
    x = torch.randn(2, 4, 5, 6)
    torch.testing.assert_close(OPERATORS[name](x.to(memory_format=torch.channels_last)), OPERATORS[name](x))


def test_gradients_of_the_weights_without_pytorchs_kernel_are_products_of_rows(monkeypatch):
    monkeypatch.setattr(weighted_rows_module, '_weights_may_need_gradients', lambda: False)
    table, index = torch.randn(7, 5, dtype=torch.float64), torch.randint(7, (6, 3))
    grads = []
    plain = lambda table, index, weight: (table[index] * weight[..., None]).sum(1)  # noqa: E731
    for sums in (weighted_rows_module.weighted_rows, plain):
        weight = torch.linspace(-1, 2, 18, dtype=torch.float64).view(6, 3).requires_grad_()
        sums(table, index, weight).square().sum().backward()
        grads.append(weight.grad)
    torch.testing.assert_close(*grads)
