"""PSA mask: mmcv's order of numbers, gradients, degenerate inputs."""

from __future__ import annotations

import pytest
import torch
from slow_conv_ops import slow_psa_mask
from torch.autograd import gradcheck, gradgradcheck

from mmseg_plugins.ops import psa_mask

SIZES = [((3, 4), (5, 7)), ((3, 4), (3, 1)), ((4, 3), (2, 4)), ((1, 1), (3, 3)), ((2, 2), (9, 9))]


@pytest.mark.parametrize('mode', ['collect', 'distribute'])
@pytest.mark.parametrize(('size', 'mask_size'), SIZES)
def test_agrees_with_the_slow_version(mode: str, size: tuple[int, int], mask_size: tuple[int, int]) -> None:
    mask = torch.randn(2, mask_size[0] * mask_size[1], *size)
    assert torch.equal(psa_mask(mask, mode, mask_size), slow_psa_mask(mask, mode, *mask_size))


@pytest.mark.parametrize('mode', ['collect', 'distribute'])
def test_gradcheck(mode: str) -> None:
    mask = torch.randn(2, 6, 2, 3, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda m: psa_mask(m, mode, (3, 2)), mask)
    assert gradgradcheck(lambda m: psa_mask(m, mode, (3, 2)).square(), mask)


def test_a_mask_as_large_as_the_map_is_laid_out_around_each_pixel() -> None:
    """One row of 2 pixels, masks of 3 numbers: pixel 0 keeps its numbers 1, 2 and pixel 1 its 0, 1."""
    mask = torch.tensor([[10., 20], [11, 21], [12, 22]]).view(1, 3, 1, 2)
    assert psa_mask(mask, 'distribute', (1, 3)).view(2, 2).tolist() == [[11, 12], [20, 21]]
    assert psa_mask(mask, 'collect', (1, 3)).view(2, 2).tolist() == [[11, 20], [12, 21]]


def test_empty_batch() -> None:
    mask = torch.randn(0, 9, 2, 3, requires_grad=True)
    psa_mask(mask, 'distribute', 3).sum().backward()
    assert mask.grad is not None
    assert mask.grad.shape == mask.shape


@pytest.mark.parametrize(('mode', 'size', 'message'), [('both', 3, "psa_type='both'"),
                                                       ('collect', 2, r'input must be \(B, 4, H, W\)')])
def test_errors_name_the_value(mode: str, size: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        psa_mask(torch.randn(1, 9, 2, 2), mode, size)
