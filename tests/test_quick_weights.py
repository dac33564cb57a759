"""Weights from a table have the distribution that was asked for, follow the seed, and end with the block."""

import torch
from quick_weights import SIZE, quick_weights
from torch import nn


def test_numbers_have_the_distribution_that_was_asked_for():
    with quick_weights():
        uniform = torch.empty(3, SIZE // 2).uniform_(-2.0, 4.0)
        normal = nn.init.normal_(torch.empty(200_000), 1.0, 0.5)
    assert -2 <= uniform.min() < -1.99 < 3.99 < uniform.max() <= 4
    assert abs(uniform.mean() - 1) < 0.01
    assert abs(normal.mean() - 1) < 0.01
    assert abs(normal.std() - 0.5) < 0.01
    assert not torch.equal(uniform[0], uniform[1])
    with quick_weights():
        assert len(torch.zeros(5, 4).t().uniform_().unique()) == 20


def test_layers_differ_and_follow_the_seed():
    def layers():
        torch.manual_seed(0)
        with quick_weights():
            return [nn.Linear(4, 4).weight for _ in range(2)]

    first, again = layers(), layers()
    assert not torch.equal(first[0], first[1])
    assert all(map(torch.equal, first, again))
    assert all(weight.requires_grad for weight in first)


def test_nothing_is_drawn_without_memory_and_all_ends_with_the_block():
    with quick_weights(), torch.device('meta'):
        assert nn.Linear(4, 4).weight.is_meta
    torch.manual_seed(0)
    one = torch.empty(3).uniform_()
    torch.manual_seed(0)
    assert torch.equal(one, torch.rand(3))
