"""Pooling with indices and unpooling: as torch's, for every rounding and overlap, with gradients and in bf16."""

import pytest
import torch
import torch.nn.functional as F

from mmseg_plugins.models.layers import IndexMaxPool2d, max_unpool


@pytest.mark.parametrize('ceil_mode', [False, True])
@pytest.mark.parametrize('size', [(8, 10), (9, 7), (2, 3)])
def test_values_and_places_are_torchs(size, ceil_mode):
    x = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0))
    pooled, indices = IndexMaxPool2d(ceil_mode=ceil_mode)(x)
    assert torch.equal(pooled, F.max_pool2d(x, 2, 2, ceil_mode=ceil_mode))
    other = torch.randn_like(pooled)  # a decoder unpools other values than it pooled
    assert torch.equal(max_unpool(other, indices, size), F.max_unpool2d(other, indices, 2, 2, output_size=size))


def test_pooling_undoes_unpooling_and_only_maxima_are_left():
    x = torch.rand(1, 2, 7, 9) + 1
    pool = IndexMaxPool2d(ceil_mode=True)
    pooled, indices = pool(x)
    restored = max_unpool(pooled, indices, (7, 9))
    assert torch.equal(pool(restored)[0], pooled)
    assert restored.count_nonzero() == pooled.numel()
    assert torch.equal(restored[restored > 0], x[restored > 0])


def test_index_counts_cells_row_by_row():
    out = max_unpool(torch.tensor([[[[7.]]]]), torch.tensor([[[[5]]]]), (3, 4))
    assert out[0, 0, 1, 1] == 7
    assert out.sum() == 7


def test_overlapping_windows_of_enet_are_as_torchs():
    x = torch.randn(1, 4, 12, 16, generator=torch.Generator().manual_seed(1))
    pooled, indices = IndexMaxPool2d(3, 2, padding=1)(x)
    other = torch.randn_like(pooled)
    expected = F.max_unpool2d(other, indices, 2, 2, output_size=(12, 16))
    assert torch.equal(max_unpool(other, indices, (12, 16)), expected)


def test_gradient_is_that_of_the_places():
    x = torch.randn(1, 2, 5, 5, dtype=torch.float64)
    pooled, indices = IndexMaxPool2d(ceil_mode=True)(x)
    assert torch.autograd.gradcheck(lambda v: max_unpool(v, indices, (5, 5)), pooled.clone().requires_grad_())


def test_half_precision_is_kept():
    pooled, indices = IndexMaxPool2d()(torch.randn(1, 2, 4, 4).bfloat16())
    assert max_unpool(pooled, indices, (4, 4)).dtype == torch.bfloat16


def test_one_cell_pools_with_ceil_and_is_an_error_without():
    pooled, indices = IndexMaxPool2d(ceil_mode=True)(torch.ones(1, 1, 1, 1))
    assert max_unpool(pooled, indices, (1, 1)).tolist() == [[[[1.]]]]
    with pytest.raises(ValueError, match=r'1 x 1 cells.*ceil_mode=True'):
        IndexMaxPool2d()(torch.ones(1, 1, 1, 1))


def test_misfits_name_both_sides():
    pooled, indices = IndexMaxPool2d()(torch.randn(1, 2, 4, 4))
    with pytest.raises(ValueError, match=r'\(1, 1, 2, 2\).*\(1, 2, 2, 2\)'):
        max_unpool(pooled[:, :1], indices, (4, 4))
    with pytest.raises(ValueError, match='2 x 2 values cannot be unpooled to 1 x 4'):
        max_unpool(pooled, indices, (1, 4))
