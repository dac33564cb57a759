"""Time the convolution-like operators that stand in for compiled mmcv's, in turns with mmcv's own in one process.

    python -m mmseg_plugins.benchmark.mmcv_operators --threads 1 --clock cpu

mmcv's own is its compiled kernel, or the PyTorch code that mmcv itself runs on that device; where it has neither, the
columns stay empty.  Values are compared before they are timed.  The sizes are those of one image of 800 x 608 pixels:
a stage of stride 16 in a ResNet, the encoder of Deformable DETR, the last step of FPN_CARAFE, PSANet at stride 16.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from types import ModuleType
from typing import NamedTuple

import mmcv.ops
import torch
from mmcv.ops.multi_scale_deform_attn import MultiScaleDeformableAttnFunction, multi_scale_deformable_attn_pytorch
from torch import Tensor

from mmseg_plugins import ops
from mmseg_plugins.ops import mmcv_ext
from mmseg_plugins.ops.backends import serving

Operator = Callable[..., Tensor]


class Case(NamedTuple):
    """One line of the table.

    Attributes:
        name: Operator and sizes.
        sources: The tensors that get gradients.
        mmcvs: Function of the sources, as mmcv's users call it.
        ours: Another function that is timed against it; None times ``mmcvs`` over our stand-in.
        kernels: Where ``mmcvs`` needs a compiled kernel, and mmcv has one.
        python: Where it needs none.
    """

    name: str
    sources: tuple[Tensor, ...]
    mmcvs: Operator
    ours: Operator | None = None
    kernels: tuple[str, ...] = ('cpu', 'cuda')
    python: tuple[str, ...] = ()


class Result(NamedTuple):
    """Medians in seconds; of mmcv's None where it has nothing for the device."""

    name: str
    forward: float
    train: float
    mmcv_forward: float | None
    mmcv_train: float | None


def make_cases(device: str = 'cpu') -> list[Case]:
    """The lines of the table, their tensors on ``device``."""
    torch.manual_seed(0)

    def random(*size: int) -> Tensor:
        return torch.randn(size, device=device)

    maps, weight = random(1, 256, 38, 50), random(256, 256, 3, 3)
    offset, mask = random(1, 18, 38, 50), random(1, 9, 38, 50)
    shapes = torch.tensor([[76, 100], [38, 50], [19, 25], [10, 13]], device=device)
    keys = shapes.prod(1)
    starts, count = keys.cumsum(0) - keys, int(keys.sum())
    attention = random(1, count, 8, 16).softmax(-1).view(1, count, 8, 4, 4)
    where = torch.rand(1, count, 8, 4, 4, 2, device=device)
    kernels = random(1, 25, 152, 200).softmax(1)

    def by_mmcv(value: Tensor, locations: Tensor, weights: Tensor) -> Tensor:
        if value.is_cuda:
            return MultiScaleDeformableAttnFunction.apply(value, shapes, starts, locations, weights, 64)
        return multi_scale_deformable_attn_pytorch(value, shapes, locations, weights)

    return [
        Case('deform_conv, 256 x 38 x 50', (maps, offset, weight),
             lambda x, o, w: mmcv.ops.deform_conv2d(x, o, w, 1, 1)),
        Case('modulated_deform_conv, 256 x 38 x 50', (maps, offset, mask, weight),
             lambda x, o, m, w: mmcv.ops.modulated_deform_conv2d(x, o, m, w, None, 1, 1)),
        Case(f'ms_deform_attn, {count} queries, 4 levels', (random(1, count, 8, 32), where, attention), by_mmcv,
             lambda v, x, a: ops.ms_deform_attn(v, shapes, starts, x, a), ('cuda', ), ('cpu', )),
        Case('carafe, 256 x 76 x 100 to double', (random(1, 256, 76, 100), kernels),
             lambda x, m: mmcv.ops.carafe(x, m, 5, 1, 2), kernels=('cuda', )),
        Case('psa_mask, collect, 19 x 25, mask 37 x 49', (random(1, 37 * 49, 19, 25), ),
             mmcv.ops.PSAMask('collect', (37, 49))),
    ]


def compiled_module() -> ModuleType | None:
    """mmcv's own compiled functions; None where ours stand in for them."""
    module = sys.modules['mmcv._ext']
    return None if module.__dict__.get('psamask_forward') is mmcv_ext.psamask_forward else module


def measure(case: Case, rounds: int, clock: Callable[[], float]) -> Result:
    """Time a line: ours and mmcv's in turns, after comparing their values."""
    device = case.sources[0].device
    compiled = compiled_module()
    has_mmcv = device.type in case.python or (compiled is not None and device.type in case.kernels)
    leaves = [source.detach().clone().requires_grad_() for source in case.sources]
    functions: dict[str, tuple[Operator, ModuleType]] = dict(ours=(case.ours or case.mmcvs, mmcv_ext))
    if has_mmcv:
        functions['mmcv'] = case.mmcvs, compiled or mmcv_ext
        values = [_value(*function, leaves) for function in functions.values()]
        torch.testing.assert_close(*values, rtol=1e-3, atol=1e-3)
    times: dict[str, list[float]] = {f'{name} {kind}': [] for name in functions for kind in ('forward', 'train')}
    for number in range(rounds + 1):  # the first warms up
        for name, (function, module) in functions.items():
            for kind, run in (('forward', _forward), ('train', _train)):
                with serving(module):
                    seconds = _seconds(partial(run, function, leaves), device, clock)
                times[f'{name} {kind}'] += [seconds] * (number > 0)
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}
    return Result(case.name, medians['ours forward'], medians['ours train'], medians.get('mmcv forward'),
                  medians.get('mmcv train'))


def _value(function: Operator, module: ModuleType, leaves: Sequence[Tensor]) -> Tensor:
    with torch.no_grad(), serving(module):
        return function(*leaves)


def _forward(function: Operator, leaves: Sequence[Tensor]) -> None:
    with torch.no_grad():
        function(*leaves)


def _train(function: Operator, leaves: Sequence[Tensor]) -> None:
    torch.autograd.grad(function(*leaves).sum(), leaves)


def _seconds(call: Callable[[], None], device: torch.device, clock: Callable[[], float]) -> float:
    if device.type == 'cuda':
        torch.cuda.synchronize(device)
    start = clock()
    call()
    if device.type == 'cuda':
        torch.cuda.synchronize(device)
    return clock() - start


def as_table(results: Sequence[Result]) -> str:
    """Markdown: ours, mmcv's, and their ratio, forward and training step, in ms."""
    lines = ['| operator | forward ms | mmcv ms | ratio | forward and backward ms | mmcv ms | ratio |',
             '|---|---|---|---|---|---|---|']
    for one in results:
        cells = [one.name]
        for ours, theirs in ((one.forward, one.mmcv_forward), (one.train, one.mmcv_train)):
            cells += [f'{ours * 1e3:.4g}'] + (['-', '-'] if theirs is None else [f'{theirs * 1e3:.4g}',
                                                                                  f'{ours / theirs:.2f}'])
        lines.append(f'| {" | ".join(cells)} |')
    return '\n'.join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=5, help='timed runs of each (default 5)')
    parser.add_argument('--device', default='cpu', help='cpu, cuda:0, ... (default cpu)')
    parser.add_argument('--threads', type=int, help="torch's threads; default its own choice")
    parser.add_argument('--clock', choices=['wall', 'cpu'], default='wall',
                        help="wall time, or the process's own processor time for a busy machine (default wall)")
    args = parser.parse_args(argv)
    if args.rounds < 1:
        parser.error(f'--rounds {args.rounds}: at least 1')
    if args.clock == 'cpu' and args.device != 'cpu':
        parser.error(f'--clock cpu --device {args.device}: processor time says nothing about another device')
    if args.threads:
        torch.set_num_threads(args.threads)
    clock = time.process_time if args.clock == 'cpu' else time.perf_counter
    kind = 'compiled mmcv' if compiled_module() else 'mmcv without compiled operators'
    print(f'torch {torch.__version__}, {kind}, {torch.get_num_threads()} threads, {args.device}, {args.clock} time, '
          f'medians of {args.rounds}\n')
    print(as_table([measure(case, args.rounds, clock) for case in make_cases(args.device)]))
    return 0


if __name__ == '__main__':
    sys.exit(main())
