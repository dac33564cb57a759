"""Time whole systems with compiled mmcv's operators and with ours, in turns in one process on the same weights.

A training step is preprocessing, forward and backward of one batch; an image is one ``test_step``.  Weights are as
initialized and images are noise, so that region proposals and detections are as many as they get.  The ratio is the
median of the rounds' ratios, ours to compiled; below 1 ours is faster.
"""

from __future__ import annotations

import copy
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import mmcv.ops  # noqa: F401 (its modules must be there before their functions are exchanged)
import torch
from mmengine.registry import MODELS
from mmengine.runner import set_random_seed

from mmseg_plugins.benchmark.synthetic import input_size, synthetic_batch
from mmseg_plugins.config.load import load_config
from mmseg_plugins.config.scope import enter_scope_of
from mmseg_plugins.ops import mmcv_ext
from mmseg_plugins.ops.backends import serving

SYSTEMS = [
    'mask-rcnn_r18-gnfpn_1500it_shapes', 'panet_r18-path-pooling-fusion_1500it_shapes',
    'solo_r18_1500it_shapes', 'fcis_r18-fpn_1500it_shapes',
    'mask2former_r18-instance_1500it_shapes', 'segnet-basic_16ch_1000it-crop224_camvid'
]
Clock = Callable[[], float]


class Result(NamedTuple):
    """Seconds of compiled mmcv and the ratio of ours, medians; and how far the losses of one step are apart."""

    name: str
    train: float
    train_ratio: float
    infer: float
    infer_ratio: float
    loss_difference: float


def measure(path: Path, compiled: ModuleType, rounds: int, batch: int, clock: Clock) -> Result:
    """Time one config both ways; ``batch`` images a training step."""
    cfg = load_config(str(path))
    enter_scope_of(cfg)
    set_random_seed(0)
    size = input_size(cfg)
    data, image = synthetic_batch(cfg, size, batch), synthetic_batch(cfg, size, 1, seed=1)
    model = MODELS.build(cfg.model)
    losses: dict[str, float] = {}
    times: dict[tuple[str, str], list[float]] = {}
    for number in range(rounds + 1):  # the first warms up
        for name, extension in (('compiled', compiled), ('ours', mmcv_ext)):
            with serving(extension):
                seconds, losses[name] = _train_step(model.train(), data, clock)
                infer = _predict(model.eval(), image, clock)
            if number:
                times.setdefault((name, 'train'), []).append(seconds)
                times.setdefault((name, 'infer'), []).append(infer)
    medians = {kind: statistics.median(times['compiled', kind]) for kind in ('train', 'infer')}
    ratios = {kind: statistics.median(ours / theirs for ours, theirs
                                      in zip(times['ours', kind], times['compiled', kind], strict=True))
              for kind in medians}
    apart = abs(losses['ours'] - losses['compiled']) / abs(losses['compiled'])
    return Result(path.stem, medians['train'], ratios['train'], medians['infer'], ratios['infer'], apart)


def _train_step(model: Any, data: dict[str, Any], clock: Clock) -> tuple[float, float]:
    set_random_seed(1)  # samplers draw the same numbers both ways
    batch = copy.deepcopy(data)
    start = clock()
    loss, _ = model.parse_losses(model(**model.data_preprocessor(batch, True), mode='loss'))
    loss.backward()
    seconds = clock() - start
    model.zero_grad()
    return seconds, loss.item()


def _predict(model: Any, data: dict[str, Any], clock: Clock) -> float:
    batch = copy.deepcopy(data)
    start = clock()
    with torch.no_grad():
        model.test_step(batch)
    return clock() - start


def as_table(results: Sequence[Result]) -> str:
    """Markdown, times in ms."""
    lines = ['| system | training step, compiled ms | ours: ratio | image, compiled ms | ours: ratio | losses |',
             '|---|---|---|---|---|---|']
    lines += [f'| {one.name} | {one.train * 1e3:.4g} | {one.train_ratio:.2f} | {one.infer * 1e3:.4g} | '
              f'{one.infer_ratio:.2f} | {one.loss_difference:.1e} apart |' for one in results]
    return '\n'.join(lines)
