"""Time the operators that stand in for compiled mmcv's, in turns with mmcv's own in one process.

mmcv's own is its compiled kernel, or the PyTorch code that mmcv itself runs on that device; where it has neither, the
columns stay empty.  Values are compared before they are timed.  The sizes are those of one image of 800 x 608 pixels:
a stage of stride 16 in a ResNet, the encoder of Deformable DETR, the last step of FPN_CARAFE, PSANet at stride 16; the
proposals of five levels, the detections of 80 classes, the RoIs of a box head in training.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Sequence
from functools import partial
from types import ModuleType
from typing import Any, NamedTuple

import mmcv.ops
import torch
from mmcv.ops.multi_scale_deform_attn import MultiScaleDeformableAttnFunction, multi_scale_deformable_attn_pytorch
from torch import Tensor

from mmseg_plugins import ops
from mmseg_plugins.ops import mmcv_ext
from mmseg_plugins.ops.backends import serving

Operator = Callable[..., Any]


class Case(NamedTuple):
    """One line of the table.

    Attributes:
        name: Operator and sizes.
        sources: The tensors that get gradients; an operator on boxes has none, and is not trained through.
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
    """Medians in seconds; None for an operator without gradients, and for mmcv's where it has nothing for the device.
    """

    name: str
    forward: float
    train: float | None
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
        *_box_cases(device), *_roi_cases(device),
    ]


def _box_cases(device: str) -> list[Case]:
    """Suppression of region proposals and of detections, as ``batched_nms`` passes them."""
    crowd, scores = _boxes(1000, 30, device)
    cases = []
    for name, count, classes, objects, threshold in (('4,700 proposals of 5 levels', 4700, 5, 3000, 0.7),
                                                     ('2,000 proposals of 5 levels', 2000, 5, 300, 0.7),
                                                     ('3,000 detections of 80 classes', 3000, 80, 20, 0.5),
                                                     ('300 detections of 4 classes', 300, 4, 10, 0.5)):
        boxes, given = _boxes(count, objects, device)
        moved = boxes + (torch.arange(count, device=device) % classes * (boxes.max() + 1))[:, None]
        cases.append(Case(f'nms, {name}', (), partial(mmcv.ops.nms, moved, given, threshold)))
    dets = torch.cat([crowd, scores[:, None]], 1)
    return [*cases,
            Case('soft_nms, 1,000 boxes, linear', (), partial(mmcv.ops.soft_nms, crowd, scores), kernels=('cpu', )),
            Case('nms_match, 1,000 boxes', (), partial(mmcv.ops.nms_match, dets, 0.5), kernels=('cpu', ))]


def _boxes(count: int, objects: int, device: str) -> tuple[Tensor, Tensor]:
    """Boxes scattered around ``objects`` on an image of 800 x 800 pixels, and scores."""
    places, sides = torch.rand(objects, 2) * 800, torch.rand(objects, 2) * 160 + 40
    chosen = torch.randint(objects, (count, ))
    center = places[chosen] + torch.randn(count, 2) * 8
    half = sides[chosen] * (1 + torch.randn(count, 2) * 0.1) / 2
    return torch.cat([center - half, center + half], 1).clamp(0, 800).to(device), torch.rand(count).to(device)


def _roi_cases(device: str) -> list[Case]:
    """Pooling of 512 RoIs from a map of stride 8, and the focal losses of its pixels."""
    maps = torch.randn(1, 256, 76, 100, device=device)
    rois = torch.cat([torch.zeros(512, 1, device=device), _boxes(512, 100, device)[0].clamp(0, 600)], 1)
    offset = torch.randn(512, 2, 7, 7, device=device)
    logits, labels = torch.randn(7600, 80, device=device), torch.randint(81, (7600, ), device=device)
    cases = [Case(f'roi_align, 512 RoIs, 7 x 7, {mode}', (maps, ),
                  lambda x, mode=mode: mmcv.ops.roi_align(x, rois, 7, 1 / 8, 2, mode, True)) for mode in ('avg', 'max')]
    cases.append(Case('roi_align, 512 RoIs, 7 x 7, avg, adaptive', (maps, ),
                      lambda x: mmcv.ops.roi_align(x, rois, 7, 1 / 8, 0, 'avg', True)))
    cases.append(Case('roi_pool, 512 RoIs, 7 x 7', (maps, ), lambda x: mmcv.ops.roi_pool(x, rois, 7, 1 / 8),
                      kernels=('cuda', )))
    cases.append(Case('deform_roi_pool, 512 RoIs, 7 x 7', (maps, offset),
                      lambda x, o: mmcv.ops.deform_roi_pool(x, rois, o, 7, 1 / 8, 2), kernels=('cuda', )))
    for name in ('sigmoid_focal_loss', 'softmax_focal_loss'):
        function, target = getattr(mmcv.ops, name), labels if name.startswith('sigmoid') else labels % 80
        cases.append(Case(f'{name}, 7,600 x 80', (logits, ),
                          lambda x, f=function, t=target: f(x, t, 2.0, 0.25, None, 'mean'), kernels=('cuda', )))
    return cases


def compiled_module() -> ModuleType | None:
    """mmcv's own compiled functions; None where ours stand in for them."""
    module = sys.modules['mmcv._ext']
    return None if module.__dict__.get('psamask_forward') is mmcv_ext.psamask_forward else module


def measure(case: Case, rounds: int, clock: Callable[[], float], device: str = 'cpu') -> Result:
    """Time a line: ours and mmcv's in turns, after comparing their values."""
    compiled, kind = compiled_module(), torch.device(device).type
    has_mmcv = kind in case.python or (compiled is not None and kind in case.kernels)
    leaves = [source.detach().clone().requires_grad_() for source in case.sources]
    functions: dict[str, tuple[Operator, ModuleType]] = dict(ours=(case.ours or case.mmcvs, mmcv_ext))
    if has_mmcv:
        functions['mmcv'] = case.mmcvs, compiled or mmcv_ext
        values = [_value(*function, leaves) for function in functions.values()]
        torch.testing.assert_close(*values, rtol=1e-3, atol=1e-3)
    passes = (('forward', _forward), ('train', _train))[:2 if leaves else 1]
    times: dict[str, list[float]] = {f'{name} {kind}': [] for name in functions for kind, _ in passes}
    for number in range(rounds + 1):  # the first warms up
        for name, (function, module) in functions.items():
            for pass_name, run in passes:
                with serving(module):
                    seconds = _seconds(partial(run, function, leaves), torch.device(device), clock)
                times[f'{name} {pass_name}'] += [seconds] * (number > 0)
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}
    return Result(case.name, medians['ours forward'], medians.get('ours train'), medians.get('mmcv forward'),
                  medians.get('mmcv train'))


def _value(function: Operator, module: ModuleType, leaves: Sequence[Tensor]) -> Any:
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
            cells.append('-' if ours is None else f'{ours * 1e3:.4g}')
            cells += ['-', '-'] if ours is None or theirs is None else [f'{theirs * 1e3:.4g}', f'{ours / theirs:.2f}']
        lines.append(f'| {" | ".join(cells)} |')
    return '\n'.join(lines)
