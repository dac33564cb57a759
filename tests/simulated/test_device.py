"""The simulated device refuses what a GPU refuses, counts where the host waits, and computes what the CPU computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from mmengine.structures import InstanceData
from simulated_device import NO_FRAME, SimulatedDevice, SimulatedTensor, Sync
from torch import Tensor, nn
from torch.nn import functional as F


@pytest.fixture
def device() -> Iterator[SimulatedDevice]:
    with SimulatedDevice() as made:
        yield made


NUMBERS = [3.0, 1.0, 2.0, 0.0]

MIXED: dict[str, Callable[[Tensor, Tensor], Any]] = {
    'sum': lambda here, there: here + there,
    'product in place': lambda here, there: there.mul_(here),
    'cat': lambda here, there: torch.cat([here, there]),
    'stack of numbers': lambda here, there: torch.stack([here[0], there[0]]),
    'where': lambda here, there: torch.where(here > 1, here, there),
    'index of the device in a tensor of the CPU': lambda here, there: there[here.long()],
    'index_select with an index of the CPU': lambda here, there: here.index_select(0, there.long()),
    'values of the CPU under a mask': lambda here, there: here.__setitem__(here > 1, there[:2]),
    'convolution': lambda here, there: F.conv1d(here[None, None], there[None, None]),
}


@pytest.mark.parametrize('name', MIXED)
def test_mixing_with_the_cpu_is_refused(name: str, device: SimulatedDevice) -> None:
    here, there = torch.tensor(NUMBERS, device=device.name), torch.tensor(NUMBERS)
    with pytest.raises(RuntimeError, match=r'mixes tensors of sim:0.*tests/simulated/test_device.py:\d+ <lambda>'):
        MIXED[name](here, there)


def test_single_numbers_of_the_cpu_are_taken(device: SimulatedDevice) -> None:
    here, number = torch.tensor(NUMBERS, device=device.name), torch.tensor(2.0)
    device.syncs.clear()
    assert isinstance(here * number, SimulatedTensor)
    here.masked_fill_(here > 1, number)
    assert not device.syncs


WAITS: dict[str, tuple[Callable[[Tensor], Any], str, int]] = {
    'item': (lambda x: x[0].item(), 'a number', 1),
    'int': (lambda x: int(x[1]), 'a number', 1),
    'if': (lambda x: bool((x > 2).any()), 'a number', 1),
    'equal': (lambda x: torch.equal(x, x), 'a number', 1),
    'slice': (lambda x: x[:x[1].long()], 'a number', 1),
    'tolist': (lambda x: x.tolist(), 'copy to the CPU', 1),
    'cpu': (lambda x: x.cpu(), 'copy to the CPU', 1),
    'copy_ to the CPU': (lambda x: torch.zeros(4).copy_(x), 'copy to the CPU', 1),
    'nonzero': (lambda x: x.nonzero(), 'size of nonzero', 1),
    'where': (lambda x: torch.where(x > 1), 'size of nonzero', 1),
    'mask': (lambda x: x[x > 1], 'size of a mask', 1),
    'set under a mask': (lambda x: x.__setitem__(x > 1, 0.0), 'size of a mask', 1),
    'masked_select': (lambda x: x.masked_select(x > 1), 'size of masked_select', 1),
    'unique': (lambda x: x.unique(), 'size of unique', 1),
    'bincount': (lambda x: torch.bincount(x.long()), 'size of bincount', 1),
    'repeat_interleave': (lambda x: torch.repeat_interleave(x.long()), 'size of repeat_interleave', 1),
    'index from a list': (lambda x: x[[2, 1]], 'copy from the CPU', 1),
    'index of the CPU': (lambda x: x[torch.tensor([1, 2])], 'copy from the CPU', 1),
    'new_tensor': (lambda x: x.new_tensor([1.0, 2.0]), 'copy from the CPU', 1),
    'to the device': (lambda x: torch.zeros(3).to(x.device), 'copy from the CPU', 1),
    'numbers one by one': (lambda x: [float(one) for one in x], 'a number', 4),
}


@pytest.mark.parametrize('name', WAITS)
def test_waiting_is_counted_with_its_place(name: str, device: SimulatedDevice) -> None:
    call, kind, times = WAITS[name]
    x = torch.tensor(NUMBERS, device=device.name)
    device.syncs.clear()
    call(x)
    (sync, count), = device.syncs.items()
    assert (sync.kind, count) == (kind, times)
    assert sync.place.startswith('tests/simulated/test_device.py:')
    assert sync.owner == 'tests'
    assert device.per_owner() == {'tests': times}


FREE: dict[str, Callable[[Tensor], Any]] = {
    'arithmetic': lambda x: (x * 2 + 1).exp().sum(),
    'masked_fill': lambda x: x.masked_fill(x > 1, 0.0),
    'gather': lambda x: x[x.long()],
    'sort': lambda x: x.sort(descending=True),
    'topk': lambda x: x.topk(2),
    'zeros': lambda x: x.new_zeros(3),
    'a number set': lambda x: x.__setitem__(0, 5.0),
    'repeat_interleave of a known size': lambda x: torch.repeat_interleave(x.long(), output_size=6),
    'copy that need not end': lambda x: torch.zeros(3).to(x.device, non_blocking=True),
}


@pytest.mark.parametrize('name', FREE)
def test_what_needs_no_waiting_is_not_counted(name: str, device: SimulatedDevice) -> None:
    x = torch.tensor(NUMBERS, device=device.name)
    device.syncs.clear()
    FREE[name](x)
    assert not device.syncs


def test_a_backward_pass_is_watched_too(device: SimulatedDevice) -> None:
    """It runs on threads of its own; the engine by itself has no place in Python."""
    x = torch.tensor(NUMBERS, device=device.name).requires_grad_()
    loss = x[x > 1].sum()
    device.syncs.clear()
    loss.backward()
    assert device.syncs == {Sync('size of a mask', NO_FRAME): 1}
    assert x.grad.device == device.name
    assert x.grad.tolist() == [1, 0, 1, 0]


def test_a_network_trains_as_on_the_cpu(device: SimulatedDevice) -> None:
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 2))
    state = {name: value.clone() for name, value in plain.state_dict().items()}
    moved = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 2))
    moved.load_state_dict(state)
    moved = device.move(moved)
    image, label = torch.randn(2, 3, 6, 6), torch.tensor([0, 1])
    for model, name in ((plain, torch.device('cpu')), (moved, device.name)):
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
        for _ in range(2):
            optimizer.zero_grad()
            F.cross_entropy(model(image.to(name)), label.to(name)).backward()
            optimizer.step()
    for (name, wanted), found in zip(plain.state_dict().items(), moved.state_dict().values(), strict=True):
        assert found.device == device.name
        assert torch.equal(found.cpu(), wanted), name


def test_numpy_is_refused_and_views_share_memory(device: SimulatedDevice) -> None:
    x = torch.tensor(NUMBERS, device=device.name)
    with pytest.raises(TypeError, match=r"can't convert sim:0"):
        x.numpy()
    x[1:3].zero_()
    assert x.tolist() == [3, 0, 0, 0]
    assert x.clone().unsqueeze_(0).squeeze_(0).shape == (4, )


def test_instances_are_indexed_by_tensors_of_the_device(device: SimulatedDevice) -> None:
    found = InstanceData(scores=torch.tensor(NUMBERS, device=device.name))
    assert found[found.scores > 1].scores.tolist() == [3, 2]
    assert found[found.scores.argsort()].scores.tolist() == sorted(NUMBERS)


def test_the_device_exists_in_its_block_only() -> None:
    with SimulatedDevice() as device:
        x = torch.zeros(2, device=device.name)
        assert torch.accelerator.is_available()
    assert not torch.accelerator.is_available()
    with pytest.raises(RuntimeError, match='outside of'):
        x + 1
