"""Every legal cell of the mixing grid trains and predicts on the simulated device; operators give the CPU's values."""

from __future__ import annotations

import pytest
from device_checks import batch_of, build_cell, check_cell, check_losses, check_operator
from device_operators import ONE_SYNC, OPERATORS
from mixing_grid import BACKBONES, BATCHES, LEGAL, NECKS, PLAIN, PYRAMID, Mix
from mixing_systems import SYSTEMS
from simulated_device import SimulatedDevice


@pytest.mark.parametrize('mix', LEGAL, ids=str)
def test_cell_trains_and_predicts(mix: Mix) -> None:
    """Tensors of two devices in one place fail it."""
    model = build_cell(mix)  # outside of the block, in which each operation is watched
    with SimulatedDevice() as device:
        check_cell(model, device, [batch_of(mix)])


def test_each_part_meets_each_kind_of_batch() -> None:
    for parts, names in enumerate(((*BACKBONES, *PLAIN), (*NECKS, PYRAMID), SYSTEMS)):
        assert {(mix[parts], batch_of(mix)) for mix in LEGAL} == {(name, kind) for name in names for kind in BATCHES}


@pytest.mark.parametrize('system', SYSTEMS)
def test_losses_are_those_of_the_cpu(system: str) -> None:
    with SimulatedDevice() as device:
        check_losses(Mix('mmdet.ResNet', 'mmseg_plugins.PANetFPN', system), device, rtol=1e-4)


@pytest.mark.parametrize('name', OPERATORS)
def test_operator_gives_the_values_of_the_cpu(name: str) -> None:
    with SimulatedDevice() as device:
        check_operator(name, device)


@pytest.mark.parametrize('name', ONE_SYNC)
def test_an_roi_operator_waits_once(name: str) -> None:
    """... in its forward pass, and never in the backward pass."""
    call, inputs = OPERATORS[name]
    with SimulatedDevice() as device:
        maps, rois = (one.to(device.name).requires_grad_() for one in inputs())
        device.syncs.clear()
        out = call(maps, rois)
        assert device.syncs.total() == 1, device.syncs
        out.sum().backward()
        assert device.syncs.total() == 1, device.syncs
        assert maps.grad is not None
