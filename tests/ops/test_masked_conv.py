"""Masked convolution: its columns make the plain convolution at the chosen pixels."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch.autograd import gradcheck

from mmseg_plugins.ops import masked_col2im, masked_im2col


@pytest.mark.parametrize(('kernel', 'padding'), [((3, 3), (1, 1)), ((1, 1), (0, 0)), ((3, 5), (1, 2)),
                                                  ((5, 3), (2, 1))])
def test_is_the_plain_convolution_at_the_chosen_pixels(kernel: tuple[int, int], padding: tuple[int, int]) -> None:
    input, weight = torch.randn(1, 3, 6, 5).double(), torch.randn(4, 3, *kernel).double()
    chosen = torch.rand(6, 5) > 0.6
    rows, columns = chosen.nonzero().unbind(1)
    column = masked_im2col(input, rows, columns, kernel, padding)
    out = masked_col2im(weight.flatten(1) @ column, rows, columns, 6, 5)
    torch.testing.assert_close(out, F.conv2d(input, weight, padding=padding) * chosen)


def test_taps_far_outside_read_zero() -> None:
    """More reach than padding: the kernel at the last pixel leaves the padded map too."""
    column = masked_im2col(torch.ones(1, 1, 2, 2), torch.tensor([1]), torch.tensor([1]), (3, 3), (0, 0))
    assert column.flatten().tolist() == [1, 0, 0, 0, 0, 0, 0, 0, 0]


def test_gradcheck() -> None:
    rows, columns = torch.tensor([0, 1, 2]), torch.tensor([1, 1, 0])
    input = torch.randn(1, 2, 3, 2, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda x: masked_im2col(x, rows, columns, (3, 3), (1, 1)), input)
    column = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda x: masked_col2im(x, rows, columns, 3, 2), column)


def test_no_chosen_pixel() -> None:
    none = torch.zeros(0, dtype=torch.long)
    column = masked_im2col(torch.ones(1, 2, 3, 3), none, none, (3, 3), (1, 1))
    assert column.shape == (18, 0)
    assert masked_col2im(column, none, none, 3, 3).eq(0).all()


def test_a_batch_is_refused() -> None:
    none = torch.zeros(0, dtype=torch.long)
    with pytest.raises(ValueError, match=r'\(2, 1, 3, 3\)'):
        masked_im2col(torch.ones(2, 1, 3, 3), none, none, (3, 3))
