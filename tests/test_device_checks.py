"""The checks of tests/simulated and tests/cuda, tried on the CPU."""

import pytest
import torch
from device_checks import (
    PlainDevice,
    build_cell,
    check_autocast,
    check_cell,
    check_losses,
    check_operator,
    check_resume,
    training_losses,
)
from device_operators import OPERATORS, Operator
from mixing_grid import Mix

CPU = PlainDevice(torch.device('cpu'))
PLAIN = Mix('mmdet.ResNet', 'mmdet.FPN', 'SOLOv2')


def test_the_checks_pass_on_the_cpu() -> None:
    check_cell(build_cell(PLAIN), CPU, ['objects'])
    check_losses(PLAIN, CPU, rtol=0)
    check_autocast(PLAIN, CPU, torch.bfloat16)
    check_resume(PLAIN, CPU, CPU, rtol=1e-5)


def test_operators_are_compared_with_themselves() -> None:
    for name in OPERATORS:
        check_operator(name, CPU, rtol=0, atol=0)


def test_a_wrong_operator_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = iter(range(2))
    wrong = Operator(lambda x: x * (1 + next(calls)), lambda: [torch.ones(3)])
    monkeypatch.setitem(OPERATORS, 'wrong', wrong)
    with pytest.raises(AssertionError, match='not close'):
        check_operator('wrong', CPU)


def test_a_loss_that_is_not_finite_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(model: torch.nn.Module, data: dict) -> dict[str, torch.Tensor]:
        return {'loss': sum(p.sum() for p in model.parameters()) * float('nan')}

    monkeypatch.setattr('device_checks.losses_of', broken)
    with pytest.raises(AssertionError):
        training_losses(torch.nn.Linear(2, 2), 'objects')
