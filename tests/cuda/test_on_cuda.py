"""The mixing grid, operators, half precision, memory and resuming on a GPU; left out where there is none.

``tests/test_device_checks.py`` tries the same checks on the CPU.
"""

from __future__ import annotations

import pytest
import torch
from device_checks import (
    PlainDevice,
    batch_of,
    build_cell,
    check_autocast,
    check_cell,
    check_losses,
    check_operator,
    check_resume,
)
from device_operators import OPERATORS
from mixing_grid import LEGAL, Mix
from mixing_systems import SYSTEMS

from mmseg_plugins import ops
from mmseg_plugins.ops import window_pool

CPU = PlainDevice(torch.device('cpu'))
# Systems that draw no random numbers in training: a GPU draws others than a CPU.
WITHOUT_SAMPLES = ('PSENet', 'embeddings', 'SOLO', 'decoupled SOLO', 'light decoupled SOLO', 'SOLOv2')


def cell_of(system: str) -> Mix:
    return Mix('mmdet.ResNet', 'mmdet.FPN', system)


@pytest.mark.parametrize('mix', LEGAL, ids=str)
def test_cell_trains_and_predicts(mix: Mix, device: PlainDevice) -> None:
    check_cell(build_cell(mix), device, [batch_of(mix)])


@pytest.mark.parametrize('system', WITHOUT_SAMPLES)
def test_losses_are_those_of_the_cpu(system: str, device: PlainDevice) -> None:
    check_losses(cell_of(system), device, rtol=1e-3)


@pytest.mark.parametrize('name', OPERATORS)
def test_operator_gives_the_values_of_the_cpu(name: str, device: PlainDevice) -> None:
    check_operator(name, device, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize('system', SYSTEMS)
@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16], ids=str)
def test_half_precision_trains(system: str, dtype: torch.dtype, device: PlainDevice) -> None:
    check_autocast(cell_of(system), device, dtype)


@pytest.mark.parametrize('system', ['SOLOv2', 'PSENet'])
def test_a_run_goes_on_elsewhere(system: str, device: PlainDevice) -> None:
    check_resume(cell_of(system), device, CPU, rtol=1e-3)
    check_resume(cell_of(system), CPU, device, rtol=1e-3)


def test_memory_of_an_operator_is_bounded(device: PlainDevice) -> None:
    """2,000 RoIs over the whole map: their pixels, listed at once, would take over 4 GB."""
    maps = torch.randn(1, 64, 200, 200, device=device.name)
    rois = torch.tensor([0.0, 0, 0, 799, 799], device=device.name).repeat(2000, 1)
    assert len(rois) * 200 * 200 * 60 > 4 * 2**30
    torch.cuda.reset_peak_memory_stats(device.name)
    before = torch.cuda.memory_allocated(device.name)
    pooled = ops.roi_align(maps, rois, 7, 1 / 4)
    used = torch.cuda.max_memory_allocated(device.name) - before
    listed = 2 * 60 * window_pool.MAX_MEMBERS + 64 * 4 * window_pool.MAX_MEMBERS
    assert used < 4 * pooled.numel() * pooled.element_size() + 4 * listed


def test_memory_comes_back(device: PlainDevice) -> None:
    """Steps after the first take no more memory than it did."""
    mix = cell_of('SOLOv2')
    check_cell(build_cell(mix), device, ['objects'])
    torch.cuda.synchronize()
    held = torch.cuda.memory_allocated(device.name)
    for _ in range(3):
        check_cell(build_cell(mix), device, ['objects'])
    assert torch.cuda.memory_allocated(device.name) <= held + 2**20
