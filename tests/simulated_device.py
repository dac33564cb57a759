"""A simulated accelerator: what a GPU refuses and where it makes the host wait, on a machine that has none.

Its tensors lie on ``sim:0``, a device of PyTorch's private backend, and hold a tensor of the CPU inside.  They behave
as those of a GPU in two ways:

* they refuse to mix with tensors of the CPU, but for what CUDA allows (single numbers, index tensors, copies);
* each operation after which the host must wait for the device is counted with its place: the first frame outside
  torch, as ``mmseg_plugins/ops/ragged.py:140 chunks``.

::

    with SimulatedDevice() as device:
        model = device.move(model)
        model(image.to(device.name)).sum().backward()
    print(device.syncs.most_common(5))

Values are those of the CPU.  Speed and memory of a GPU, its own kernels and its streams are not simulated: see
``tests/cuda`` for those.  ``PrivateUse1`` is the dispatch key of the private backend; it needs torch 2.10 or newer
(:data:`AVAILABLE`).

Reference: ``torch/utils/backend_registration.py``, ``_setup_privateuseone_for_python_backend``.
"""

from __future__ import annotations

import sys
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, Union

import mmengine.structures.instance_data as instance_data
import torch
from torch import Tensor, nn
from torch.utils import backend_registration
from torch.utils._mode_utils import no_dispatch
from torch.utils._python_dispatch import TorchDispatchMode

AVAILABLE = hasattr(backend_registration, '_setup_privateuseone_for_python_backend')
NAME = 'sim'
NO_FRAME = 'autograd'  # place of what the engine runs by itself in a backward pass

_aten = torch.ops.aten
_ROOT = Path(__file__).resolve().parents[1]
_INSIDE = (str(Path(torch.__file__).parent), __file__, '<')  # frames that are nobody's place

# Operations whose result, or its size, must be known to the host before it goes on.
_WAITS = {
    _aten._local_scalar_dense.default: 'a number',
    _aten.equal.default: 'a number',
    _aten.is_nonzero.default: 'a number',
    _aten.nonzero.default: 'size of nonzero',
    _aten.masked_select.default: 'size of masked_select',
    _aten._unique2.default: 'size of unique',
    _aten.unique_dim.default: 'size of unique',
    _aten.unique_consecutive.default: 'size of unique',
    _aten.bincount.default: 'size of bincount',
    _aten.repeat_interleave.Tensor: 'size of repeat_interleave',
}
_INDEXING = {_aten.index.Tensor, _aten.index_put.default, _aten.index_put_.default, _aten._index_put_impl_.default}
_COPIES = {_aten.copy_.default, _aten._to_copy.default, _aten._foreach_copy_.default}
# Beyond pointwise operations these take a single number that lies on the CPU.
_TAKE_NUMBERS = {_aten.masked_fill.Tensor, _aten.masked_fill_.Tensor, _aten.fill_.Tensor, _aten.lerp.Tensor,
                 _aten._foreach_mul_.Tensor}  # fmt: skip
_PLAIN = frozenset({int, float, bool, str, type(None), torch.dtype, torch.device})  # hold no tensor


class Sync(NamedTuple):
    """What the host waited for, and where: ``path:line function``."""

    kind: str
    place: str

    @property
    def owner(self) -> str:
        """Top package of the place, such as ``mmseg_plugins`` or ``mmdet``; :data:`NO_FRAME` for none."""
        return self.place.split('/', 1)[0]


class SimulatedTensor(Tensor):
    """A tensor of the simulated device; ``raw`` is the tensor of the CPU inside."""

    raw: Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl  # the results of Python methods are not wrapped again

    @staticmethod
    def __new__(cls, raw: Tensor) -> SimulatedTensor:
        made = Tensor._make_wrapper_subclass(
            cls, raw.size(), strides=raw.stride(), storage_offset=raw.storage_offset(), dtype=raw.dtype,
            layout=raw.layout, device=torch.device(NAME, 0), requires_grad=False)
        made.raw = raw
        return made

    def __repr__(self, *, tensor_contents: object = None) -> str:
        return f'SimulatedTensor({self.raw})'

    def tolist(self) -> Any:
        """All numbers: one copy to the host."""
        _device().count('copy to the CPU')
        return self.raw.tolist()

    def numpy(self, *, force: bool = False) -> Any:
        """Refused, as on every device."""
        raise TypeError(f"can't convert {self.device} device type tensor to numpy. Use Tensor.cpu() first")

    __array__ = numpy

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _device().run(func, args, kwargs or {})


class SimulatedDevice(TorchDispatchMode):
    """The device; it exists inside its ``with`` block.

    Attributes:
        name: What ``Tensor.to`` and the ``device`` argument take.
        syncs: How often the host waited for what and where.
    """

    def __init__(self) -> None:
        super().__init__()
        self.name = torch.device(NAME, 0)
        self.syncs: Counter[Sync] = Counter()
        self._index_types: Any = None

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # nothing is compiled here; to say so for each operation takes a tenth of the time

    def __enter__(self) -> SimulatedDevice:
        _ACTIVE.append(self)
        # mmengine's InstanceData takes index tensors of the CPU and of CUDA only.
        self._index_types = instance_data.IndexType
        instance_data.IndexType = Union[(*self._index_types.__args__, SimulatedTensor)]
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        instance_data.IndexType = self._index_types
        _ACTIVE.remove(self)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self.run(func, args, kwargs or {})

    def move(self, module: nn.Module) -> nn.Module:
        """Move a module's parameters and buffers here."""
        before = torch.__future__.get_swap_module_params_on_conversion()
        torch.__future__.set_swap_module_params_on_conversion(True)
        try:
            return module.to(self.name)
        finally:
            torch.__future__.set_swap_module_params_on_conversion(before)

    def count(self, kind: str) -> None:
        """Count one synchronisation at the place where it was asked for."""
        self.syncs[Sync(kind, _place())] += 1

    def per_owner(self) -> dict[str, int]:
        """Synchronisations per top package."""
        total: Counter[str] = Counter()
        for sync, times in self.syncs.items():
            total[sync.owner] += times
        return dict(sorted(total.items()))

    def run(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """Run one operation on the tensors inside.

        Raises:
            RuntimeError: it mixes tensors of the device and of the CPU.
        """
        ours: list[SimulatedTensor] = []
        foreign: list[Tensor] = []
        raw_args, raw_kwargs = _unwrap(args, ours, foreign), _unwrap(kwargs, ours, foreign)
        if ours and foreign:
            _check_mixing(func, args, foreign)
        target = kwargs.get('device')
        here = bool(ours) if target is None else torch.device(target).type == NAME
        if here and target is not None:
            raw_kwargs['device'] = torch.device('cpu')
        if func in _COPIES:
            here = self._count_copy(func, args, kwargs, here, bool(ours))
        elif ours:
            self._count(func, args, kwargs)
        out = func(*raw_args, **raw_kwargs)
        if ours and torch.Tag.inplace_view in func.tags:  # squeeze_ and the like: the outer tensor changes as well
            with no_dispatch():
                return func(*args, **kwargs)
        if not here or func is _aten._local_scalar_dense.default:
            return out
        return _wrap(out, {id(tensor.raw): tensor for tensor in ours})

    def _count(self, func: Any, args: Any, kwargs: dict[str, Any]) -> None:
        if func in _INDEXING:
            index = [one for one in args[1] if one is not None]
            if any(one.dtype in (torch.bool, torch.uint8) for one in index):
                self.count('size of a mask')
            if not all(isinstance(one, SimulatedTensor) for one in index):
                self.count('copy from the CPU')
        elif func in _WAITS and kwargs.get('output_size') is None:
            self.count(_WAITS[func])

    def _count_copy(self, func: Any, args: Any, kwargs: dict[str, Any], here: bool, from_here: bool) -> bool:
        """Count a copy between the device and the CPU; return whether it ends here."""
        non_blocking = kwargs.get('non_blocking', False)
        if func is not _aten._to_copy.default:
            target, source = (one[0] if isinstance(one, (list, tuple)) else one for one in args[:2])
            here, from_here = (isinstance(one, SimulatedTensor) for one in (target, source))
            non_blocking = non_blocking or (len(args) > 2 and args[2])
        if from_here and not here:
            self.count('copy to the CPU')
        elif here and not from_here and not non_blocking:
            self.count('copy from the CPU')
        return here


def _unwrap(value: Any, ours: list[SimulatedTensor], foreign: list[Tensor]) -> Any:
    """``value`` with the tensors inside; sorts the tensors into ``ours`` and ``foreign``."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, SimulatedTensor):
        ours.append(value)
        return value.raw
    if isinstance(value, Tensor):
        foreign.append(value)
    elif isinstance(value, (list, tuple)):
        return type(value)([_unwrap(one, ours, foreign) for one in value])
    elif isinstance(value, dict):
        return {key: _unwrap(one, ours, foreign) for key, one in value.items()}
    return value


def _wrap(value: Any, known: dict[int, SimulatedTensor]) -> Any:
    """``value`` with tensors of the device; what an operation changed in place is the tensor that it was."""
    if isinstance(value, Tensor):
        same = known.get(id(value))
        return SimulatedTensor(value) if same is None else same
    if isinstance(value, (list, tuple)):
        return type(value)([_wrap(one, known) for one in value])
    return value


def _check_mixing(func: Any, args: Any, foreign: list[Tensor]) -> None:
    """Refuse tensors of the CPU next to those of the device, but for what CUDA takes."""
    if func in _COPIES:
        return
    numbers = func in _INDEXING or func in _TAKE_NUMBERS or torch.Tag.pointwise in func.tags
    allowed: tuple[Tensor, ...] = ()
    if func in _INDEXING and isinstance(args[0], SimulatedTensor):
        allowed = tuple(one for one in args[1] if one is not None)
    for tensor in foreign:
        if not (numbers and tensor.dim() == 0) and all(tensor is not one for one in allowed):
            raise RuntimeError(f'{func} mixes tensors of {NAME}:0 with one of the CPU, shape {tuple(tensor.shape)}, at '
                               f'{_place()}. Fix: make it on the device of the others')


def _place() -> str:
    """The first frame outside torch and this file, as ``path:line function``."""
    frame = sys._getframe(1)
    while frame is not None:
        path = frame.f_code.co_filename
        if not path.startswith(_INSIDE):
            if 'site-packages/' in path:
                path = path.rsplit('site-packages/', 1)[1]
            elif path.startswith(str(_ROOT)):
                path = str(Path(path).relative_to(_ROOT))
            return f'{path}:{frame.f_lineno} {frame.f_code.co_name}'
        frame = frame.f_back
    return NO_FRAME


# ---------------------------------------------------------------------------------------------------- registration
_ACTIVE: list[SimulatedDevice] = []


def _device() -> SimulatedDevice:
    if not _ACTIVE:
        raise RuntimeError('simulated device: a tensor of it is used outside of "with SimulatedDevice()". Fix: move it '
                           'to the CPU inside the block')
    return _ACTIVE[-1]


@cache
def _register() -> torch.library.Library:
    """Register the backend, once for a process; outside of a ``with`` block it says that there is no device.

    The engine of autograd counts the devices at the first backward pass of a process, so this comes before."""

    class Module(backend_registration._DummyBackendModule):

        def is_available(self) -> bool:
            return bool(_ACTIVE)

        def device_count(self) -> int:  # torch.random.fork_rng asks, also where the device is not in use
            return int(bool(_ACTIVE))

        def get_rng_state(self, device: Any = None) -> Tensor:
            return torch.get_rng_state()  # random numbers are drawn on the CPU

        def set_rng_state(self, state: Tensor, device: Any = None) -> None:
            torch.set_rng_state(state)

        def get_amp_supported_dtype(self) -> list[torch.dtype]:
            return [torch.float16, torch.bfloat16]

    class Hook(backend_registration._DummyPrivateUse1Hook):

        def is_available(self) -> bool:
            return bool(_ACTIVE)

    backend_registration._setup_privateuseone_for_python_backend(NAME, backend_module=Module(), hook=Hook())
    library = torch.library.Library('aten', 'IMPL')
    for name, kernel in (('empty_strided', _empty_strided), ('empty.memory_format', _empty),
                         ('_copy_from', _copy_from), ('_local_scalar_dense', _number)):
        library.impl(name, kernel, 'PrivateUse1')
    return library


# Kernels for what C++ asks for below the dispatch to Python: x[[2, 1, 0]], x.new_tensor(list), torch.tensor(list).
def _empty_strided(size: Any, stride: Any, *, dtype: Any = None, layout: Any = None, device: Any = None,
                   pin_memory: Any = None) -> Tensor:
    return SimulatedTensor(torch.empty_strided(size, stride, dtype=dtype or torch.get_default_dtype()))


def _empty(size: Any, *, dtype: Any = None, layout: Any = None, device: Any = None, pin_memory: Any = None,
           memory_format: Any = None) -> Tensor:
    return SimulatedTensor(torch.empty(size, dtype=dtype or torch.get_default_dtype()))


def _copy_from(source: Tensor, target: Tensor, non_blocking: bool = False) -> Tensor:
    to_here = isinstance(target, SimulatedTensor)
    if to_here != isinstance(source, SimulatedTensor) and not (to_here and non_blocking):
        _device().count('copy from the CPU' if to_here else 'copy to the CPU')
    (target.raw if isinstance(target, SimulatedTensor) else target).copy_(
        source.raw if isinstance(source, SimulatedTensor) else source)
    return target


def _number(tensor: Tensor) -> Any:
    _device().count('a number')
    return _aten._local_scalar_dense.default(tensor.raw)


if AVAILABLE:
    _register()
