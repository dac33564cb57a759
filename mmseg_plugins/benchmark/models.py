"""Time, memory, parameters and operations of one config, training and inference."""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, NamedTuple

import torch
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS
from mmengine.runner import Runner, set_random_seed
from mmengine.utils import import_modules_from_strings
from torch import nn

from mmseg_plugins.benchmark.synthetic import input_size, synthetic_batch
from mmseg_plugins.config.scope import enter_scope_of
from mmseg_plugins.engine.runner.outside_runs import post_process_of, use_memory_formats
from mmseg_plugins.engine.runner.post_process import attach
from mmseg_plugins.utils import environment
from mmseg_plugins.utils.errors import UserError


class Settings(NamedTuple):
    """What is measured: iterations and images after the warm-up, and where the data comes from.

    ``synthetic`` is (height, width, batch); None takes the config's data set
    where it is present, else noise of the config's own size and batch.
    """

    train_iters: int = 5
    infer_images: int = 5
    warmup: int = 2
    synthetic: tuple[int, int, int] | None = None
    device: str = 'cpu'
    seed: int = 0


def measure_config(cfg: Config, settings: Settings) -> dict[str, Any]:
    """Measure one config.

    Training time is one ``train_step`` (preprocessing, forward, backward,
    optimizer) on batches that are already in memory; inference time is one
    ``test_step`` on one image, its ``post_process`` included.  Maps have the memory format that the config's hooks
    give.  Weights are as initialized, without downloads, so the number of instances found is not that of a trained
    model.

    Returns:
        ``train_s`` and ``infer_s`` (medians, seconds), ``train_peak_mb`` and ``infer_peak_mb`` (allocated
        on CUDA; resident memory of the process on a CPU), ``parameters``, ``macs`` (multiply-adds of
        ``test_step``, convolutions and matrix products), ``batch``, ``size``, ``data`` and ``start_mb``
        (resident before the model was built).
    """
    if cfg.get('custom_imports'):
        import_modules_from_strings(**cfg.custom_imports)
    enter_scope_of(cfg)
    set_random_seed(settings.seed)
    environment.release_memory()
    start_mb = round(environment.rss_mb(), 1)
    batches, images, source = _data(cfg, settings)
    set_random_seed(settings.seed)  # reading the data may have drawn numbers
    model = MODELS.build(cfg.model).to(settings.device)
    _add_what_runs_add(model, cfg)
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper)
    result: dict[str, Any] = {'data': source, 'batch': len(batches[0]['inputs']), 'start_mb': start_mb}
    result['size'] = list(batches[0]['inputs'][0].shape[-2:])
    result['parameters'] = sum(parameter.numel() for parameter in model.parameters())

    def infer(index: int) -> Any:
        with torch.no_grad():
            return model.test_step(_copy(images[index % len(images)]))

    model.eval()  # before the training steps, whose number would change how many instances are found
    result['infer_s'], result['infer_peak_mb'] = _timed(infer, settings.infer_images, settings)
    result['macs'] = count_macs(infer)
    model.train()
    step = _train_step(model, batches, optimizer)
    result['train_s'], result['train_peak_mb'] = _timed(step, settings.train_iters, settings)
    return result


def measure_trained(cfg: Config, settings: Settings, checkpoint: str | os.PathLike[str] | None) -> dict[str, Any]:
    """Measure one config with the weights of a run, on a machine that may be quieter than it was during the run.

    Times are medians over ``settings.infer_images`` of the test images and ``settings.train_iters`` training batches
    (or noise, see :class:`Settings`), reading them aside; operations are those of the first image, so that they are of
    one image for every config of the same data.

    Returns:
        ``infer_s`` (seconds per image), ``train_s`` (seconds of one ``train_step``; None for ``train_iters=0``),
        ``macs`` (multiply-adds; None where torch cannot count), ``size`` (height and width of the image that was
        counted) and ``data`` (where the images come from).

    Raises:
        UserError: the weights do not fit.
    """
    from mmseg_plugins.engine.checkpoint.fit import load_weights
    from mmseg_plugins.engine.checkpoint.safe_load import load_checkpoint_file

    if cfg.get('custom_imports'):
        import_modules_from_strings(**cfg.custom_imports)
    enter_scope_of(cfg)
    set_random_seed(settings.seed)
    batches, images, source = _data(cfg, settings, training=settings.train_iters > 0)
    model = MODELS.build(cfg.model)
    if checkpoint is not None:
        load_weights(model, load_checkpoint_file(os.fspath(checkpoint)), os.fspath(checkpoint), allow_partial=False)
    model.to(settings.device).eval()
    _add_what_runs_add(model, cfg)

    def infer(index: int) -> Any:
        with torch.no_grad():
            return model.test_step(_copy(images[index % len(images)]))

    seconds, _ = _timed(infer, settings.infer_images, settings)
    size = list(images[0]['inputs'][0].shape[-2:])
    result = dict(infer_s=seconds, train_s=None, macs=count_macs(infer), size=size, data=source)
    if settings.train_iters:
        optimizer = build_optim_wrapper(model.train(), cfg.optim_wrapper)
        result['train_s'], _ = _timed(_train_step(model, batches, optimizer), settings.train_iters, settings)
    return result


def _train_step(model: Any, batches: Sequence[Any], optimizer: Any) -> Callable[[int], Any]:
    """A training step; it notes its iteration as a runner does, since some losses warm up by it (BoxInst)."""
    def step(index: int) -> Any:
        MessageHub.get_current_instance().update_info('iter', index)
        return model.train_step(_copy(batches[index % len(batches)]), optimizer)

    return step


def _add_what_runs_add(model: nn.Module, cfg: Config) -> None:
    """Let the model compute as in a test of the config: its post-process, the memory format of its maps."""
    use_memory_formats(model, cfg)
    post = post_process_of(cfg)
    if post is not None:
        attach(model, post)


def count_macs(call: Callable[[int], Any]) -> int | None:
    """Multiply-adds of one call, counted where torch executes them; None where torch has no counter."""
    try:
        from torch.utils.flop_counter import FlopCounterMode
    except ImportError:  # torch 2.0
        return None
    counter = FlopCounterMode(display=False)
    with counter:
        call(0)
    return int(counter.get_total_flops()) // 2  # torch counts the addition as an operation of its own


def _timed(call: Callable[[int], Any], number: int, settings: Settings) -> tuple[float, float]:
    """Median seconds of ``number`` calls after the warm-up, and peak memory in MB."""
    cuda = settings.device.startswith('cuda')
    gc.collect()
    if cuda:
        torch.cuda.reset_peak_memory_stats(settings.device)
    else:
        environment.reset_peak_rss()
    times = []
    for index in range(settings.warmup + number):
        start = time.perf_counter()
        call(index)
        if cuda:
            torch.cuda.synchronize(settings.device)
        times.append(time.perf_counter() - start)
    peak = torch.cuda.max_memory_allocated(settings.device) / 2**20 if cuda else environment.peak_rss_mb()
    return statistics.median(times[settings.warmup :]), round(peak, 1)


def _data(cfg: Config, settings: Settings, training: bool = True) -> tuple[list[dict], list[dict], str]:
    """Training batches (none without ``training``), single images, and a word on where they come from."""
    if settings.synthetic is None:
        try:
            train = _read(cfg.train_dataloader, settings.train_iters, None) if training else []
            return train, _read(cfg.test_dataloader, settings.infer_images, 1), 'data set'
        except (UserError, FileNotFoundError, AttributeError, KeyError) as error:
            missing = f'noise, since the data set is not there ({type(error).__name__}: {error})'
        loader = cfg.get('train_dataloader') or {}
        height, width = input_size(cfg)
        shape = height, width, int(loader.get('batch_size', 2))
    else:
        shape, missing = settings.synthetic, 'noise, as asked'
    train = [synthetic_batch(cfg, shape[:2], shape[2], seed=settings.seed + index) for index in range(2)]
    return train, [synthetic_batch(cfg, shape[:2], 1, seed=settings.seed + index) for index in range(2)], missing


def _read(loader: Any, number: int, batch_size: int | None) -> list[dict]:
    """The first batches of a loader, read in this process."""
    loader = {**loader, 'num_workers': 0, 'persistent_workers': False}
    loader.pop('prefetch_factor', None)
    if batch_size is not None:
        loader['batch_size'] = batch_size
        loader.pop('batch_sampler', None)
    return list(islice(Runner.build_dataloader(loader, seed=0), number))


def _copy(batch: dict) -> dict:
    """A batch whose samples may be changed by the model without changing the stored ones."""
    return dict(inputs=list(batch['inputs']), data_samples=[sample.clone() for sample in batch['data_samples']])
