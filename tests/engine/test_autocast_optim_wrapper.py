"""bfloat16 on a CPU: what computes in it, what stays float32, and that one option turns it off."""

import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapper, OptimWrapperDict
from torch import nn

from mmseg_plugins.engine.optimizers import autocast_optim_wrapper
from mmseg_plugins.engine.optimizers.autocast_optim_wrapper import AutocastOptimWrapper, precision_of
from mmseg_plugins.registry import OPTIM_WRAPPERS

AMX = frozenset({'avx2', 'amx_bf16'})


def step(enabled: bool) -> tuple[torch.dtype, nn.Conv2d]:
    """One step on a fixed image: the type of the output, and the layer after it."""
    torch.manual_seed(0)
    layer = nn.Conv2d(3, 4, 3)
    wrapper = OPTIM_WRAPPERS.build(dict(type='mmseg_plugins.AutocastOptimWrapper', enabled=enabled,
                                        optimizer=torch.optim.SGD(layer.parameters(), lr=0.1)))
    with wrapper.optim_context(layer):
        out = layer(torch.randn(2, 3, 8, 8))
    wrapper.update_params(out.float().square().mean())
    return out.dtype, layer


def test_layers_compute_in_bfloat16_and_weights_stay_float32():
    kind, layer = step(enabled=True)
    exact_kind, exact = step(enabled=False)
    assert (kind, exact_kind) == (torch.bfloat16, torch.float32)
    assert layer.weight.dtype == torch.float32
    assert not torch.equal(layer.weight, exact.weight)
    torch.testing.assert_close(layer.weight, exact.weight, rtol=0, atol=2e-3)


def test_a_run_tells_its_precision():
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.1)
    plain, mixed = OptimWrapper(optimizer), AutocastOptimWrapper(optimizer=optimizer)
    assert precision_of(plain) == precision_of(AutocastOptimWrapper(enabled=False, optimizer=optimizer)) == 'float32'
    assert precision_of(mixed) == precision_of(OptimWrapperDict(a=mixed, b=mixed)) == 'bfloat16'


@pytest.mark.parametrize(('flags', 'enabled', 'warned'), [
    (frozenset({'avx2'}), True, True), (frozenset({'avx2'}), False, False), (AMX, True, False),
    (frozenset(), True, False)])
def test_a_processor_without_bfloat16_is_told(flags, enabled, warned, monkeypatch, capsys):
    MMLogger.get_instance('mmengine')
    monkeypatch.setattr(autocast_optim_wrapper, 'cpu_flags', lambda: flags)
    AutocastOptimWrapper(enabled, optimizer=torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.1))
    assert ('no bfloat16 instructions' in capsys.readouterr().out) == warned
