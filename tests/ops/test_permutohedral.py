"""The lattice: the original's numbers, a slow transcription, gradients, and its refusals."""

import numpy as np
import pytest
import torch
from golden_cases import GoldenCase
from slow_permutohedral import slow_filter

from mmseg_plugins.ops import PermutohedralLattice, permutohedral_filter
from mmseg_plugins.ops.permutohedral import slice_together


def random_points(count, d, spread=4.0, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(count, d, generator=generator) * spread).to(dtype)


@pytest.mark.golden
def test_golden_case():
    case = GoldenCase('permutohedral_filter')
    outputs = {}

    def apply(features, values, **options):
        lattice = PermutohedralLattice(features.flatten(0, 1), pad_to_multiple=options.pop('pad', 4))
        filtered = lattice.filter(values.flatten(1).t(), **options)
        return filtered.t().reshape(values.shape), lattice

    values = case.arrays['values']
    names = [key.removeprefix('features_') for key in case.arrays if key.startswith('features_')]
    for name in [name for name in names if name != 'odd']:
        features = case.arrays[f'features_{name}']
        outputs[f'forward_{name}'], lattice = apply(features, values)
        outputs[f'adjoint_{name}'], _ = apply(features, case.arrays['grads'], reverse=True)
        outputs[f'norm_{name}'], _ = apply(features, torch.ones_like(values[:1]))
        assert lattice.num_vertices == case.facts['facts'][name]['lattice_vertices']
    features, values = case.arrays['features_odd'], case.arrays['values_odd']
    outputs['forward_odd'], _ = apply(features, values)
    outputs['adjoint_odd'], _ = apply(features, values, reverse=True)
    outputs['forward_odd_clean'], _ = apply(features, values, pad=1)
    case.check(outputs)


@pytest.mark.parametrize('d', [1, 2, 3, 5, 7])
@pytest.mark.parametrize('reverse', [False, True])
@pytest.mark.parametrize(('count', 'pad'), [(1, 1), (37, 1), (38, 4)])
def test_other_points_agree_with_the_slow_transcription(d, reverse, count, pad):
    features = random_points(count, d, seed=d) - 2  # cells below 0 as well
    values = torch.randn(count, 3, generator=torch.Generator().manual_seed(1))
    lattice = PermutohedralLattice(features, pad_to_multiple=pad)
    wanted, vertices = slow_filter(features.numpy(), values.numpy(), reverse, pad)
    assert lattice.num_vertices == vertices
    np.testing.assert_allclose(lattice.filter(values, reverse).numpy(), wanted, rtol=1e-5, atol=1e-5)


def test_points_that_share_a_place_share_a_simplex():
    features = random_points(20, 5).repeat(3, 1)
    values = torch.randn(60, 2)
    wanted, vertices = slow_filter(features.numpy(), values.numpy())
    lattice = PermutohedralLattice(features)
    assert lattice.num_vertices == vertices
    np.testing.assert_allclose(lattice.filter(values).numpy(), wanted, rtol=1e-5, atol=1e-5)


def test_gradient_is_exact_in_double_precision():
    lattice = PermutohedralLattice(random_points(11, 3, dtype=torch.float64), pad_to_multiple=4)
    values = torch.randn(11, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lattice.filter, values)
    assert torch.autograd.gradgradcheck(lattice.filter, values)


def test_backward_pass_is_the_reversed_filter_and_not_the_filter():
    lattice = PermutohedralLattice(random_points(200, 5, 3.0))
    values, grad = torch.randn(200, 4, requires_grad=True), torch.randn(200, 4)
    lattice.filter(values).backward(grad)
    torch.testing.assert_close(values.grad, lattice.filter(grad, reverse=True))
    assert (values.grad - lattice.filter(grad)).norm() > 0.01 * values.grad.norm()


def test_slices_of_two_lattices_at_once_are_their_sum_with_the_same_gradient():
    lattices = [PermutohedralLattice(random_points(50, d, seed=d, dtype=torch.float64)) for d in (2, 5)]
    scale = torch.rand(50, dtype=torch.float64)
    vertices = [torch.randn(one.num_vertices + 1, 3, dtype=torch.float64, requires_grad=True) for one in lattices]
    together = slice_together(lattices, [scale, None])(torch.cat(vertices))
    apart = lattices[0].slice(scale)(vertices[0]) + lattices[1].slice()(vertices[1])
    torch.testing.assert_close(together, apart)
    grad = torch.randn_like(apart)
    for one, other in zip(torch.autograd.grad(together, vertices, grad), torch.autograd.grad(apart, vertices, grad),
                          strict=True):
        torch.testing.assert_close(one, other)


def test_result_keeps_the_type_of_the_values_and_is_the_same_each_time():
    features = random_points(64, 5)
    values = torch.randn(64, 3).bfloat16()
    first = permutohedral_filter(values, features)
    assert first.dtype == torch.bfloat16
    assert torch.equal(first, permutohedral_filter(values, features))
    torch.testing.assert_close(first.float(), permutohedral_filter(values.float(), features), rtol=0.01, atol=0.05)


def test_points_far_apart_and_in_many_dimensions_still_have_their_place():
    features = random_points(30, 9, spread=40.0)  # too many places to sort by simplex, few enough to number
    values = torch.randn(30, 2)
    wanted, vertices = slow_filter(features.numpy(), values.numpy())
    lattice = PermutohedralLattice(features)
    assert lattice.num_vertices == vertices
    np.testing.assert_allclose(lattice.filter(values).numpy(), wanted, rtol=1e-4, atol=1e-4)


def test_more_places_than_integers_are_refused_with_a_fix():
    with pytest.raises(ValueError, match=r'span .* cells.*larger standard deviations'):
        PermutohedralLattice(random_points(5, 5, spread=1e7))


@pytest.mark.parametrize(('features', 'message'), [
    (torch.zeros(0, 2), 'at least one point'),
    (torch.zeros(4), 'at least one point'),
    (torch.zeros(4, 2, dtype=torch.long), 'floating-point'),
    (torch.tensor([[0.0, float('nan')]]), 'NaN'),
])
def test_features_without_a_meaning_are_refused(features, message):
    with pytest.raises(ValueError, match=message):
        PermutohedralLattice(features)


def test_values_of_other_points_are_refused():
    with pytest.raises(ValueError, match='lattice of 5 points'):
        PermutohedralLattice(random_points(5, 2)).filter(torch.zeros(4, 1))
