"""The reader of golden cases: overridden and stored weights, variants, tolerances of arrays, slices of whole ones."""

import json

import golden_cases
import numpy as np
import pytest
import torch
from golden_cases import GoldenCase, golden_tensor, stats


def output(**facts):
    return dict(role='output', **facts)


@pytest.fixture
def write_case(tmp_path, monkeypatch):
    """Write a case of the given values and facts and read it."""
    monkeypatch.setattr(golden_cases, 'GOLDEN_DIR', tmp_path)
    monkeypatch.setattr(golden_cases, 'readable', True)

    def write(values=None, **facts):
        facts = dict(dict(case='toy', seed=3, gain=2.0, arrays={}, tolerance=dict(suggested_rel=1e-2)), **facts)
        (tmp_path / 'toy.json').write_text(json.dumps(facts))
        np.savez(tmp_path / 'toy.npz', **(values or {}))
        return GoldenCase('toy')

    return write


def test_overrides_scale_replace_and_fill(write_case):
    params = dict(zip(['a.weight', 'b.bias', 'c.weight', 'd.weight'],
                      [[2, 3, 1, 1], [2], [2, 3, 4, 4], [2]], strict=True))
    overrides = {'a.weight': dict(scale=4.0), 'b.bias': dict(values=[1.5, -2]),
                 'c.weight': dict(fill='bilinear_diagonal')}
    case = write_case(params=params, param_overrides=overrides)
    plain = {name: golden_tensor(name, tuple(shape), 3, 2.0) for name, shape in params.items()}
    torch.testing.assert_close(case.weights['a.weight'], 4 * plain['a.weight'])
    assert case.weights['b.bias'].tolist() == [1.5, -2]
    ramp = torch.tensor([.25, .75, .75, .25])
    assert torch.equal(case.weights['c.weight'][1, 1], ramp[:, None] * ramp)
    assert case.weights['c.weight'].sum() == 2 * 4
    assert torch.equal(case.weights['d.weight'], plain['d.weight'])
    assert list(case.weights) == list(params)
    formula = case.weights_of(formula_only=['c.weight'])
    assert torch.equal(formula['c.weight'], plain['c.weight'])
    assert formula['b.bias'].tolist() == [1.5, -2]


def test_an_odd_bilinear_kernel():
    assert golden_cases.bilinear_diagonal((1, 1, 3, 3))[0, 0, 1].tolist() == [.5, 1, .5]


@pytest.mark.parametrize('overrides', [{'a': dict(shift=1)}, {'a': dict(fill='dirac')}])
def test_an_unknown_override_is_a_failure(write_case, overrides):
    case = write_case(params=dict(a=[2]), param_overrides=overrides)
    with pytest.raises(AssertionError, match='unknown rule'):
        case.weights_of()


def test_variants_and_stored_weights(write_case):
    case = write_case(params_by_variant=dict(x={'a.bias': [2]}, y={'b.bias': [3]}),
                      param_overrides_by_variant=dict(y={'b.bias': dict(scale=2)}))
    assert torch.equal(case.weights_of('x')['a.bias'], golden_tensor('a.bias', (2, ), 3, 2.0))
    assert torch.equal(case.weights_of('y')['b.bias'], 2 * golden_tensor('b.bias', (3, ), 3, 2.0))
    assert case.weights == {}
    stored = write_case(dict(kernel=np.eye(2, dtype=np.float32)), gain=None, params=dict(kernel=[2, 2]))
    assert stored.weights['kernel'].tolist() == [[1, 0], [0, 1]]


def test_each_array_has_its_own_tolerance(write_case):
    case = write_case(tolerance=dict(suggested_rel=1e-2, suggested_rel_per_array=dict(a=1e-4, b__slice=1e-3)))
    assert [case.tolerance_of(key) for key in ('a', 'b__slice', 'b__stats', 'other')] == [1e-4, 1e-3, 1e-3, 1e-2]


def test_a_whole_array_is_compared_as_it_is_stored(write_case):
    whole = torch.randn(1, 2, 5, 7)
    case = write_case(
        dict(x__slice=whole[..., ::2, ::3].numpy(), x__stats=stats(whole).numpy(), y=np.ones(2)),
        arrays=dict(x__slice=output(full_shape=[1, 2, 5, 7], stored_slice='[..., ::2, ::3] of the full array'),
                    x__stats=output(), y=output(), image=dict(role='input')))
    case.check(dict(x=whole, y=torch.ones(2)))
    case.check(dict(x__slice=whole[..., ::2, ::3], x__stats=stats(whole), y=torch.ones(2)))
    case.check(dict(y=torch.ones(2)), partly=True)
    with pytest.raises(AssertionError, match='x__slice'):
        case.check(dict(y=torch.ones(2)))
    with pytest.raises(AssertionError, match='image'):
        case.check(dict(image=whole), partly=True)
    with pytest.raises(AssertionError, match='tolerance'):
        case.check(dict(y=torch.tensor([1.0, 1.1])), partly=True)
    with pytest.raises(AssertionError, match='tolerance'):
        case.check(dict(y=torch.tensor([1.0, torch.nan])), partly=True)
    hidden = whole.clone()
    hidden[..., 1, 1] += 3  # not in the slice, but in the sums
    with pytest.raises(AssertionError, match='x__stats'):
        case.check(dict(x=hidden), partly=True)
    with pytest.raises(AssertionError, match='5, 7'):
        case.check(dict(x=whole[..., :5]), partly=True)


def test_a_test_that_is_not_marked_cannot_read_a_case():
    with pytest.raises(AssertionError, match=r'golden case fcis_psroi: mark it with @pytest\.mark\.golden'):
        GoldenCase('fcis_psroi')


def test_shapes_are_those_of_the_whole_arrays(write_case):
    case = write_case(arrays=dict(
        a=output(shape=[2, 3]), b__slice=output(shape=[1, 2], full_shape=[1, 4], stored_slice='[..., ::2]'),
        c__slice=output(shape=[1, 2], desc='strided slice [::1, ::3] of the full array of shape [1, 6]')))
    assert [case.shape_of(key) for key in 'abc'] == [(2, 3), (1, 4), (1, 6)]
    stored = case.stored(dict(c=torch.arange(6.0)[None]))
    assert stored['c__slice'].tolist() == [[0, 3]]
