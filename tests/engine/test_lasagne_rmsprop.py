"""RMSProp with epsilon under the root."""

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from torch import nn

from mmseg_plugins.engine import LasagneRMSprop


def test_steps_are_those_of_the_formula():
    parameter = nn.Parameter(torch.tensor([1.0, -2.0]))
    optimizer = LasagneRMSprop([parameter], lr=0.1, rho=0.9, eps=1e-6, weight_decay=0.5)
    value, average = parameter.detach().double().clone(), torch.zeros(2, dtype=torch.double)
    for gradient in ([0.5, -1e-4], [0.0, 2.0], [1e-5, 0.0]):
        parameter.grad = torch.tensor(gradient)
        optimizer.step()
        whole = torch.tensor(gradient, dtype=torch.double) + 0.5 * value
        average = 0.9 * average + 0.1 * whole**2
        value = value - 0.1 * whole / (average + 1e-6).sqrt()
    torch.testing.assert_close(parameter.detach().double(), value, rtol=1e-5, atol=1e-6)


def test_a_small_gradient_takes_a_small_step_where_torchs_takes_a_whole_one():
    steps = []
    for make in (lambda p: LasagneRMSprop(p, lr=1e-3), lambda p: torch.optim.RMSprop(p, lr=1e-3, alpha=0.9)):
        parameter = nn.Parameter(torch.zeros(1))
        optimizer = make([parameter])
        parameter.grad = torch.full((1, ), 1e-5)
        optimizer.step()
        steps.append(abs(parameter.item()))
    assert steps[0] == pytest.approx(1e-5, rel=0.01)
    assert steps[1] == pytest.approx(1e-3 / 0.1**0.5, rel=0.01)


def test_a_config_builds_it_and_biases_are_not_decayed():
    model = nn.Conv2d(1, 1, 1)
    wrapper = build_optim_wrapper(model, dict(
        type='OptimWrapper', optimizer=dict(type='mmseg_plugins.LasagneRMSprop', lr=1e-3, weight_decay=2e-4),
        paramwise_cfg=dict(bias_decay_mult=0.0)))
    assert isinstance(wrapper.optimizer, LasagneRMSprop)
    assert [group['weight_decay'] for group in wrapper.optimizer.param_groups] == [2e-4, 0.0]
    copy = LasagneRMSprop(model.parameters())
    model(torch.ones(1, 1, 1, 1)).sum().backward()
    copy.step()
    other = LasagneRMSprop(model.parameters())
    other.load_state_dict(copy.state_dict())
    assert torch.equal(other.state[model.weight]['square_avg'], copy.state[model.weight]['square_avg'])


@pytest.mark.parametrize('wrong', [dict(lr=-1), dict(rho=1.0), dict(eps=0.0), dict(weight_decay=-1e-4)])
def test_settings_out_of_range_are_named(wrong):
    with pytest.raises(ValueError, match=f'{next(iter(wrong))}={next(iter(wrong.values()))}'):
        LasagneRMSprop([nn.Parameter(torch.zeros(1))], **wrong)
