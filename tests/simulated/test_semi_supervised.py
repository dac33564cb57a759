"""Semi-supervised segmentors on the simulated device, in lower precision, and in mmengine's wrapper for processes."""

from __future__ import annotations

import pytest
import torch
from few_label_cases import at_iteration, batch, prepared, tiny
from mmengine.model import MMDistributedDataParallel
from mmengine.registry import DefaultScope
from simulated_device import SimulatedDevice

from mmseg_plugins.engine.optimizers import OptimizerPerPart

MODELS = {
    'AdvSemiSeg': dict(discriminator=dict(channels=2), semi_start=0),
    'MeanTeacher': dict(threshold=0.3),
    'GANSemiSeg': dict(generator=dict(noise_channels=4, channels=16)),
}


@pytest.fixture(autouse=True)
def mmseg_scope():
    with DefaultScope.overwrite_default_scope('mmseg'):
        yield


@pytest.mark.parametrize('name', MODELS)
def test_a_step_on_the_simulated_device_gives_the_values_of_the_cpu(name: str) -> None:
    plain = tiny(name, **MODELS[name]).train()
    wanted = losses_of(plain, batch())
    with SimulatedDevice() as device:
        model = device.move(tiny(name, **MODELS[name])).train()
        found = losses_of(model, batch())
        assert all(value.device == device.name for value in found.values())
        sum(value for key, value in found.items() if 'loss' in key).backward()
        for key, value in wanted.items():
            torch.testing.assert_close(found[key].cpu(), value, rtol=1e-4, atol=1e-6, msg=key)
        model.eval()
        assert model(*prepared(model), mode='predict')[0].pred_sem_seg.data.device == device.name


def losses_of(model, data):
    torch.manual_seed(0)
    with at_iteration(1):
        return model(**model.data_preprocessor(data, training=True), mode='loss')


@pytest.mark.parametrize('name', MODELS)
def test_bfloat16_gives_finite_losses(name: str) -> None:
    model = tiny(name, **MODELS[name]).train()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        losses = losses_of(model, batch())
    sum(value for key, value in losses.items() if 'loss' in key).backward()
    assert all(bool(torch.isfinite(value).all()) for value in losses.values())
    assert all(bool(torch.isfinite(weight.grad).all()) for weight in model.parameters())


@pytest.mark.parametrize('name', MODELS)
def test_two_steps_under_the_wrapper_for_processes_use_every_parameter(name: str) -> None:
    """Without ``find_unused_parameters``: a parameter that a step leaves out stops the next one."""
    torch.distributed.init_process_group('gloo', store=torch.distributed.HashStore(), rank=0, world_size=1)
    try:
        model = MMDistributedDataParallel(tiny(name, **MODELS[name]).train())
        parts = {key: dict(optimizer=dict(type='SGD', lr=0.01)) for key in ('segmentor', *MODELS[name])
                 if key in ('segmentor', 'discriminator', 'generator')}
        wrapper = OptimizerPerPart(parts)(model)
        before = model.module.decode_head.conv_seg.weight.clone()
        for _ in range(2):
            assert model.train_step(batch(), wrapper)['loss'].isfinite()
        assert not torch.equal(model.module.decode_head.conv_seg.weight, before)
    finally:
        torch.distributed.destroy_process_group()
