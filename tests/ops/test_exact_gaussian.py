"""The sum over all pairs, block by block."""

import pytest
import torch

from mmseg_plugins.ops import ExactGaussian, exact_gaussian


def plain(features, values, include_self=True):
    weights = (-0.5 * (features[:, None] - features[None]).square().sum(-1)).exp()
    if not include_self:
        weights.fill_diagonal_(0)
    return weights @ values


@pytest.mark.parametrize('include_self', [True, False])
@pytest.mark.parametrize('elements', [2**24, 40])
def test_blocks_give_the_plain_sum(include_self, elements, monkeypatch):
    monkeypatch.setattr(exact_gaussian, 'ELEMENTS', elements)
    features, values = torch.randn(17, 3, dtype=torch.float64), torch.randn(17, 2, dtype=torch.float64)
    torch.testing.assert_close(
        ExactGaussian(features, include_self=include_self).filter(values), plain(features, values, include_self))


def test_gradient():
    gaussian = ExactGaussian(torch.randn(9, 2, dtype=torch.float64))
    values = torch.randn(9, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(gaussian.filter, values)


def test_values_of_other_points_and_integers_are_refused():
    with pytest.raises(ValueError, match='ExactGaussian of 5 points'):
        ExactGaussian(torch.zeros(5, 2)).filter(torch.zeros(4, 1))
    with pytest.raises(ValueError, match='floating-point'):
        ExactGaussian(torch.zeros(5, 2, dtype=torch.long))
