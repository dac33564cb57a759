"""What must hold on every device: each function checks one thing on the device that it is given.

``tests/simulated`` gives the simulated device, ``tests/cuda`` a GPU, ``tests/test_device_checks.py`` the CPU, so that
the checks themselves are tried everywhere.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

import torch
from device_operators import OPERATORS
from mixing_grid import BACKBONES, BATCHES, NECKS, PLAIN, PYRAMID, Mix, combine
from mixing_systems import SYSTEMS
from mmengine.config import Config
from tiny_models import batch, build, losses_of, predictions_of
from torch import Tensor, nn


class Device(Protocol):
    """Where tensors lie, and how a model gets there."""

    name: torch.device

    def move(self, module: nn.Module) -> nn.Module:
        """Move a module's parameters and buffers here."""


class PlainDevice(NamedTuple):
    """A device that torch knows by itself."""

    name: torch.device

    def move(self, module: nn.Module) -> nn.Module:
        """Move a module's parameters and buffers here."""
        return module.to(self.name)


def build_cell(mix: Mix) -> nn.Module:
    """The model of one cell of the mixing grid, on the CPU."""
    return build(Config(dict(model=combine(mix), default_scope='mmdet')))


def batch_of(mix: Mix) -> str:
    """One kind of batch for a cell, so that each backbone, neck and system meets each kind."""
    rows = ((*BACKBONES, *PLAIN), (*NECKS, PYRAMID), tuple(SYSTEMS))
    place = sum(names.index(name) for names, name in zip(rows, mix, strict=True))
    return list(BATCHES)[place % len(BATCHES)]


def training_losses(model: nn.Module, kind: str) -> dict[str, Tensor]:
    """Forward and backward pass of a batch of :data:`mixing_grid.BATCHES`; losses and gradients are finite."""
    model.zero_grad(set_to_none=True)
    losses = losses_of(model, batch(BATCHES[kind]))
    sum(loss.sum() for loss in losses.values()).backward()
    assert all(bool(loss.isfinite().all()) for loss in losses.values()), losses
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    assert grads
    assert bool(torch.stack([grad.isfinite().all() for grad in grads]).all())
    return losses


def check_cell(model: nn.Module, device: Device, kinds: Iterable[str] = BATCHES) -> None:
    """The model of a cell, which lies on the CPU, trains one step of each kind of batch on the device, and predicts."""
    model = device.move(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    first = next(p for p in model.parameters() if p.requires_grad)
    for kind in kinds:
        losses = training_losses(model, kind)
        assert all(loss.device.type == device.name.type for loss in losses.values())
        optimizer.step()
    assert first.device.type == device.name.type
    for found in predictions_of(model, batch(BATCHES['objects'])):
        assert found.masks.shape == (len(found), 64, 64)
        assert found.bboxes.device.type == found.scores.device.type == device.name.type
        assert bool(found.scores.isfinite().all())


def check_losses(mix: Mix, device: Device, rtol: float) -> None:
    """The losses of a batch with objects are those of the CPU.  They are drawn from the same random numbers only where
    the device draws from the generator of the CPU."""
    ours, reference = device.move(build_cell(mix)), build_cell(mix)
    torch.manual_seed(1)
    here = training_losses(ours, 'objects')
    torch.manual_seed(1)
    there = training_losses(reference, 'objects')
    for name, loss in there.items():
        torch.testing.assert_close(here[name].detach().cpu(), loss.detach(), rtol=rtol, atol=1e-6)


def check_operator(name: str, device: Device, rtol: float = 1e-4, atol: float = 1e-5) -> None:
    """Values and gradients of an operator on the device are those of the CPU."""
    call, inputs = OPERATORS[name]
    for here, there in zip(_with_gradients(call, inputs(), device.name),
                           _with_gradients(call, inputs(), torch.device('cpu')), strict=True):  # fmt: skip
        torch.testing.assert_close(here, there, rtol=rtol, atol=atol)


def _with_gradients(call: Callable[..., Tensor], inputs: list[Tensor], device: torch.device) -> list[Tensor]:
    """Result, and gradient of each floating input that is part of it; on the CPU."""
    leaves = [one.to(device).requires_grad_(one.is_floating_point()) for one in inputs]
    out = call(*leaves)
    assert out.device.type == device.type
    if not out.requires_grad:
        return [out.cpu()]
    weights = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).reshape(out.shape).to(device)
    floating = [leaf for leaf in leaves if leaf.requires_grad]
    grads = torch.autograd.grad((out * weights).sum(), floating, allow_unused=True)
    return [out.detach().cpu(), *(grad.cpu() for grad in grads if grad is not None)]


def check_autocast(mix: Mix, device: Device, dtype: torch.dtype) -> None:
    """A training step under autocast gives finite losses, and moves the float32 weights."""
    model = device.move(build_cell(mix))
    before = [p.detach().clone() for p in model.parameters()]
    with torch.autocast(device.name.type, dtype=dtype):
        losses = losses_of(model, batch(BATCHES['objects']))
    assert all(bool(loss.isfinite().all()) for loss in losses.values()), losses
    scale = 1024.0 if dtype is torch.float16 else 1.0  # half gradients would vanish
    (sum(loss.sum() for loss in losses.values()) * scale).backward()
    torch.optim.SGD(model.parameters(), lr=1e-3 / scale).step()
    after = list(model.parameters())
    assert all(p.dtype == torch.float32 for p in after)
    assert any(not torch.equal(old, new) for old, new in zip(before, after, strict=True))


def check_resume(mix: Mix, source: Device, target: Device, rtol: float) -> None:
    """A model and its optimizer go on elsewhere: the losses of the next step are those of the device they left."""
    model = source.move(build_cell(mix))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
    training_losses(model, 'objects')
    optimizer.step()
    file = io.BytesIO()
    torch.save(dict(state_dict=model.state_dict(), optimizer=optimizer.state_dict()), file)
    file.seek(0)
    saved = torch.load(file, map_location='cpu', weights_only=True)
    resumed = target.move(build_cell(mix))
    resumed.load_state_dict(saved['state_dict'])
    other = torch.optim.SGD(resumed.parameters(), lr=1e-3, momentum=0.9)
    other.load_state_dict(saved['optimizer'])
    buffers = [state['momentum_buffer'] for state in other.state.values() if state.get('momentum_buffer') is not None]
    assert buffers
    assert all(buffer.device.type == target.name.type for buffer in buffers)
    stayed, moved = training_losses(model, 'objects'), training_losses(resumed, 'objects')
    for name, loss in stayed.items():
        torch.testing.assert_close(moved[name].detach().cpu(), loss.detach().cpu(), rtol=rtol, atol=1e-5)
