"""CARAFE: mmcv's semantics, gradients, degenerate inputs."""

from __future__ import annotations

import pytest
import torch
from slow_conv_ops import slow_carafe
from torch import Tensor
from torch.autograd import gradcheck

from mmseg_plugins.ops import carafe

CASES = [(3, 1, 2), (5, 2, 2), (1, 4, 3), (3, 2, 1)]


def make(kernel: int, groups: int, scale: int, size: tuple[int, int] = (4, 3), batch: int = 2) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(0)
    features = torch.randn(batch, 4, *size, generator=g, dtype=torch.float64)
    masks = torch.rand(batch, groups * kernel**2, size[0] * scale, size[1] * scale, generator=g, dtype=torch.float64)
    return features, masks


@pytest.mark.parametrize(('kernel', 'groups', 'scale'), CASES)
@pytest.mark.parametrize('size', [(4, 3), (1, 1)])
def test_agrees_with_the_slow_version(kernel: int, groups: int, scale: int, size: tuple[int, int]) -> None:
    features, masks = make(kernel, groups, scale, size)
    torch.testing.assert_close(carafe(features, masks, kernel, groups, scale),
                               slow_carafe(features, masks, kernel, groups, scale))


@pytest.mark.parametrize(('kernel', 'groups', 'scale'), CASES)
def test_gradcheck(kernel: int, groups: int, scale: int) -> None:
    features, masks = make(kernel, groups, scale, (3, 2), batch=1)
    assert gradcheck(lambda f, m: carafe(f, m, kernel, groups, scale),
                     (features.requires_grad_(), masks.requires_grad_()), fast_mode=True)


def test_a_kernel_of_one_tap_repeats_pixels() -> None:
    features = torch.arange(4.).view(1, 1, 2, 2)
    out = carafe(features, torch.ones(1, 1, 4, 4), 1, 1, 2)
    assert out[0, 0].tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3], [2, 2, 3, 3]]


def test_a_weight_outside_the_map_reads_nothing_and_gets_no_gradient() -> None:
    masks = torch.full((1, 9, 1, 1), float('nan'))
    masks[:, 4] = 2
    masks.requires_grad_()
    out = carafe(torch.full((1, 1, 1, 1), 3.), masks, 3, 1, 1)
    out.backward()
    assert out.item() == 6
    assert masks.grad is not None
    assert masks.grad.flatten().tolist() == [0, 0, 0, 0, 3, 0, 0, 0, 0]


def test_empty_batch() -> None:
    features, masks = make(3, 1, 2, batch=0)
    out = carafe(features.requires_grad_(), masks.requires_grad_(), 3, 1, 2)
    out.sum().backward()
    assert out.shape == (0, 4, 8, 6)
    assert features.grad is not None


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_types_are_summed_in_float32(dtype: torch.dtype) -> None:
    features, masks = (t.to(dtype) for t in make(3, 2, 2))
    assert torch.equal(carafe(features, masks, 3, 2, 2), carafe(features.float(), masks.float(), 3, 2, 2).to(dtype))


@pytest.mark.parametrize(('kernel', 'groups', 'scale', 'message'), [
    (2, 1, 2, 'kernel_size=2'),
    (3, 3, 2, 'group_size=3'),
    (3, 1, 4, r'masks of shape \(2, 9, 8, 6\), it must be \(2, 9, 16, 12\)'),
])
def test_errors_name_the_value(kernel: int, groups: int, scale: int, message: str) -> None:
    features, masks = make(3, 1, 2)
    with pytest.raises(ValueError, match=message):
        carafe(features, masks, kernel, groups, scale)
