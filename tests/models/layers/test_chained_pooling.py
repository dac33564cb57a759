"""Chained residual pooling and residual units against their definitions, cell by cell."""

import pytest
import torch
from torch.nn import functional as F

from mmseg_plugins.models.layers import ChainedResidualPooling, ResidualConvUnit


def slow_pool(x):
    """Largest value of each 5 x 5 window inside the map."""
    out = torch.empty_like(x)
    for i in range(x.shape[2]):
        for j in range(x.shape[3]):
            out[:, :, i, j] = x[:, :, max(i - 2, 0):i + 3, max(j - 2, 0):j + 3].amax((2, 3))
    return out


@pytest.mark.parametrize(('num_pools', 'conv_first', 'kernel_size'), [(4, False, 3), (2, True, 3), (3, False, 1)])
def test_pooling_is_the_sum_of_its_links(num_pools, conv_first, kernel_size):
    torch.manual_seed(num_pools)
    block = ChainedResidualPooling(3, kernel_size=kernel_size, num_pools=num_pools, conv_first=conv_first)
    x = torch.randn(2, 3, 6, 7)
    weights = [part.conv.weight for part in block.convs]
    assert [part.conv.bias for part in block.convs] == [None] * num_pools
    link, expected = x, x
    for weight in weights:
        if conv_first:
            link = slow_pool(F.conv2d(link, weight, padding=kernel_size // 2))
        else:
            link = F.conv2d(slow_pool(link), weight, padding=kernel_size // 2)
        expected = expected + link
    torch.testing.assert_close(block(x), expected)


def test_the_two_orders_differ():
    torch.manual_seed(0)
    first, second = ChainedResidualPooling(3), ChainedResidualPooling(3, conv_first=True)
    second.load_state_dict(first.state_dict())
    x = torch.randn(1, 3, 6, 7)
    assert not torch.allclose(first(x), second(x))


def test_no_link_leaves_the_map():
    x = torch.randn(1, 3, 4, 4)
    assert torch.equal(ChainedResidualPooling(3, num_pools=0)(x), x)


def test_unit_adds_two_preactivated_convolutions_and_keeps_its_input():
    torch.manual_seed(0)
    unit = ResidualConvUnit(3)
    assert sorted(dict(unit.named_parameters())) == ['conv1.conv.bias', 'conv1.conv.weight', 'conv2.conv.weight']
    x = torch.randn(2, 3, 5, 6)
    kept = x.clone()
    inner = F.conv2d(x.clamp(min=0), unit.conv1.conv.weight, unit.conv1.conv.bias, padding=1)
    expected = x + F.conv2d(inner.clamp(min=0), unit.conv2.conv.weight, padding=1)
    torch.testing.assert_close(unit(x), expected)
    assert torch.equal(x, kept)


def test_norms_follow_the_convolutions_where_asked_for():
    unit = ResidualConvUnit(4, norm_cfg=dict(type='BN'))
    assert [name for name, _ in unit.named_parameters() if name.endswith('conv.bias')] == []
    assert isinstance(unit.conv1.norm, torch.nn.BatchNorm2d)
