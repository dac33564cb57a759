"""Weighted sums of table rows and bilinear corners: what the convolution-like operators are made of."""

from __future__ import annotations

import pytest
import torch
from torch.autograd import gradcheck

from mmseg_plugins.ops.weighted_rows import bilinear_corners, weighted_rows


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_values_and_gradients_are_those_of_the_product(dtype: torch.dtype) -> None:
    table = torch.randn(7, 5, dtype=dtype, requires_grad=True)
    weight = torch.randn(11, 3, dtype=dtype, requires_grad=True)
    index = torch.randint(0, 6, (11, 3))  # the last row is read by none
    ours, plain = weighted_rows(table, index, weight), (table[index] * weight[..., None]).sum(1)
    torch.testing.assert_close(ours, plain)
    top = torch.randn_like(plain)
    torch.testing.assert_close(torch.autograd.grad(ours, (table, weight), top),
                               torch.autograd.grad(plain, (table, weight), top))


def test_gradcheck() -> None:
    table = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(5, 2, dtype=torch.float64, requires_grad=True)
    assert gradcheck(weighted_rows, (table, torch.randint(0, 4, (5, 2)), weight))


@pytest.mark.parametrize('rows', [0, 4])
def test_no_sum_at_all_keeps_the_graph(rows: int) -> None:
    table, weight = torch.randn(rows, 3, requires_grad=True), torch.randn(0, 2, requires_grad=True)
    out = weighted_rows(table, torch.zeros(0, 2, dtype=torch.long), weight)
    out.sum().backward()
    assert out.shape == (0, 3)
    assert table.grad is not None
    assert table.grad.eq(0).all()


def test_corners_of_a_sample_at_the_border() -> None:
    """(0.25, -0.5) lies half outside: 0.375 of pixel (0, 0) and 0.125 of pixel (1, 0), here number 4."""
    pixel, weight = bilinear_corners(torch.tensor([0.25]), torch.tensor([-0.5]), 3, 4)
    found = torch.zeros(12).index_add(0, pixel[0], weight[0])
    assert found.nonzero().flatten().tolist() == [0, 4]
    assert found[[0, 4]].tolist() == [0.375, 0.125]


def test_sizes_may_differ_from_sample_to_sample() -> None:
    y, x = torch.rand(5, 2) * 6 - 1, torch.rand(5, 2) * 6 - 1
    height, width = torch.tensor([3, 5]), torch.tensor([4, 2])
    together = bilinear_corners(y, x, height, width)
    for column in range(2):
        alone = bilinear_corners(y[:, column], x[:, column], int(height[column]), int(width[column]))
        assert torch.equal(together[0][:, column], alone[0])
        assert torch.equal(together[1][:, column], alone[1])


def test_the_gradient_is_the_same_in_every_run() -> None:
    table, index = torch.randn(3, 8, requires_grad=True), torch.randint(0, 3, (500, 4))
    weight = torch.randn(500, 4)
    first = torch.autograd.grad(weighted_rows(table, index, weight).square().sum(), table)[0]
    assert torch.equal(first, torch.autograd.grad(weighted_rows(table, index, weight).square().sum(), table)[0])
