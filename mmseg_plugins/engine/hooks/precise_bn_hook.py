"""Batch norm statistics of the network as it now is, in place of the moving averages of training.

Training keeps an exponential average whose members belong to older weights and, at a momentum of 0.1, to some ten
batches.  SegNet computes them anew before it tests: mean and variance of every layer, averaged over batches of the
training set, the variance as the unbiased one (m / (m - 1), m values a channel):
https://github.com/alexgkendall/SegNet-Tutorial/blob/63b77a90c6ba5c8b04635c13b0290a70bb8a47ab/Scripts/compute_bn_statistics.py
(which divides integers by Python 2's rule, so that its own factor is 1; at m = 720, the deepest layer there, that is
0.14 %).  It reads n // b + n % b batches of b; here they are ceil(n / b), the last one filled up from the beginning.
"""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from itertools import islice
from typing import Any

import torch
from mmengine.dist import all_reduce, get_rank, get_world_size
from mmengine.hooks import Hook
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.data import DataLoader

from mmseg_plugins.engine.runner.resumable_data import resumable_loader
from mmseg_plugins.registry import HOOKS
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.progress import track
from mmseg_plugins.utils.rng import preserved_rng

STAGES = ('val', 'test')


def average_batch_statistics(model: nn.Module, batches: Iterable[Any]) -> int:
    """Set ``running_mean`` and ``running_var`` to the averages of the batches' own; returns the number of layers set.

    Batch norms that ``model.train()`` leaves in evaluation (frozen ones), that keep no statistics, or that no batch
    reaches stay as they are.  Everything else runs in evaluation (no dropout), without gradients; the model's modes
    and its counters ``num_batches_tracked`` are afterwards as before.  With several processes each brings its own
    batches, equally many.

    Args:
        model: A model of mmengine's kind, ``data_preprocessor(batch, training=True)`` and ``mode='loss'``, which also
            runs auxiliary heads.
    """
    with _only_batch_norms_train(model) as layers, torch.no_grad():
        for batch in batches:
            data = model.data_preprocessor(batch, True)  # type: ignore[operator]
            model(**data, mode='loss') if isinstance(data, dict) else model(*data, mode='loss')
        reached = [layer for layer in layers if layer.num_batches_tracked]
        for layer in reached:
            for value in (layer.running_mean, layer.running_var):
                all_reduce(value, 'mean')
    return len(reached)


@contextmanager
def _only_batch_norms_train(model: nn.Module) -> Iterator[list[_BatchNorm]]:
    """Inside, the batch norms that training would update sum up a plain average from nothing."""
    modes = {module: module.training for module in model.modules()}
    model.train()
    layers = [m for m in model.modules() if isinstance(m, _BatchNorm) and m.training and m.running_mean is not None]
    before = [(deepcopy(layer.state_dict()), layer.momentum) for layer in layers]
    model.eval()
    for layer in layers:
        layer.train()
        layer.reset_running_stats()
        layer.momentum = None  # torch's way to ask for the average of all batches alike
    complete = False
    try:
        yield layers
        complete = True
    finally:
        for layer, (state, momentum) in zip(layers, before, strict=True):
            if complete and layer.num_batches_tracked:
                state.update(running_mean=layer.running_mean, running_var=layer.running_var)
            layer.load_state_dict(state)
            layer.momentum = momentum
        for module, mode in modes.items():
            module.training = mode


@HOOKS.register_module()
class PreciseBNHook(Hook):
    """Run :func:`average_batch_statistics` before every validation and test.

    The model keeps the result: training goes on from it (where batch norm uses each batch's own statistics, so that
    the weights are the same with and without this hook), and the checkpoint of a validated iteration holds it
    (``SafeCheckpointHook`` writes it again after the validation).  Every evaluation uses the same images with the
    same augmentation; random generators are left as they were.  Weights made elsewhere are measured anew as well:
    leave the hook out to test them as they are.

    Args:
        num_batches: A process; ``None`` is as many as show every training image once, ceil(n / (batch size *
            processes)).  Fewer are drawn at random, always the same.
        dataloader: Where the batches come from, as a config; ``None`` is the run's ``train_dataloader``, crops and
            flips included.  Its sampler is replaced.
        stages: Of ``'val'`` and ``'test'``, those before which it runs.

    Raises:
        ValueError: ``num_batches`` below 1, unknown stages, or no training data to read.
    """

    priority = 'LOW'  # after EMAHook has put its weights in place

    def __init__(self,
                 num_batches: int | None = None,
                 dataloader: dict | None = None,
                 stages: Collection[str] = STAGES) -> None:
        if num_batches is not None and num_batches < 1:
            raise UserError(
                f'PreciseBNHook: num_batches={num_batches}, it must be at least 1, or None for the whole training set',
            )
        if isinstance(stages, str) or not set(stages) <= set(STAGES):
            raise UserError(f'PreciseBNHook: stages={stages!r}, they must be a list of some of {STAGES}')
        self.num_batches = num_batches
        self.dataloader = dataloader
        self.stages = frozenset(stages)
        self._dataset: Any = None

    def before_val_epoch(self, runner: Any) -> None:
        if 'val' in self.stages:
            self._run(runner)

    def before_test_epoch(self, runner: Any) -> None:
        if 'test' in self.stages:
            self._run(runner)

    def _run(self, runner: Any) -> None:
        model, started = runner.model, time.monotonic()
        while isinstance(getattr(model, 'module', None), nn.Module):  # several processes, test-time augmentation
            model = model.module
        with preserved_rng():
            loader, number = self._batches(runner)
            batches = track(islice(loader, number), number, 'Batch norm statistics')
            layers = average_batch_statistics(model, batches)
        runner.logger.info(f'Statistics of {layers} batch norms are averages over {number} batches '
                           f'({time.monotonic() - started:.0f} s)')

    def _batches(self, runner: Any) -> tuple[DataLoader, int]:
        """A loader that begins with the same images every time, and how many batches of it are wanted."""
        described = self.dataloader or runner.cfg.get('train_dataloader')
        if described is None:
            raise UserError(
                'PreciseBNHook reads training images, but the config has no train_dataloader.',
                fix='give one, or dataloader=dict(...) to the hook, or leave the hook out',
            )
        described = deepcopy(dict(described))
        if self._dataset is not None:
            described['dataset'] = self._dataset
        for key in ('batch_sampler', 'num_batch_per_epoch', 'persistent_workers'):
            described.pop(key, None)
        described['sampler'] = dict(type='mmengine.InfiniteSampler', shuffle=True, seed=0)
        loader = runner.build_dataloader(described, seed=0)
        self._dataset = loader.dataset
        whole = math.ceil(len(self._dataset) / (loader.batch_size * get_world_size()))
        return resumable_loader(loader, 0, get_rank(), get_world_size()), self.num_batches or whole
