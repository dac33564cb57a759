"""Trainings of some hundred iterations that are scored once, under the same schedule for every system."""

from __future__ import annotations

import os
import tempfile
import time
from copy import deepcopy
from typing import Any

import torch
from mmengine.config import Config
from mmengine.logging import HistoryBuffer
from mmengine.runner import Runner
from torch.nn.modules.batchnorm import _BatchNorm

from mmseg_plugins.engine.hooks.precise_bn_hook import PreciseBNHook
from mmseg_plugins.engine.runner.options import build_runner
from mmseg_plugins.utils.errors import UserError

#: What stands for a score: metric of the evaluator -> heading.
SCORES = {'mIoU': 'mIoU', 'aAcc': 'pixel accuracy', 'coco/segm_mAP': 'mask AP', 'coco/segm_mAP_50': 'mask AP50',
          'coco_panoptic/PQ': 'PQ'}
WORKERS = dict(num_workers=0, persistent_workers=False)  # of the loaders of a short run


def short_config(cfg: Config, *, iters: int, lr_factor: float = 1.0, seed: int = 0) -> Config:
    """A copy of a config that trains for ``iters`` iterations and leaves nothing on the disk but logs.

    Model, losses, optimizer, clipping and custom hooks stay the config's own.  The schedule is a linear warm-up over
    the first tenth and a cosine to zero.  Nothing is validated before the end.

    Raises:
        UserError: the config has no training or validation part, or its optimizer's rate is no number.
    """
    for key in ('train_dataloader', 'val_dataloader', 'val_evaluator', 'optim_wrapper'):
        if not cfg.get(key):
            raise UserError(f'the config has no {key}, so it cannot be trained and scored.',
                            fix='take a config that trains and validates')
    cfg = deepcopy(cfg)
    _multiply_rate(cfg, lr_factor)
    warmup = max(iters // 10, 1)
    cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=iters, val_begin=iters + 1)
    cfg.val_cfg = dict(type='ValLoop')
    cfg.param_scheduler = [
        dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=warmup),
        dict(type='CosineAnnealingLR', by_epoch=False, begin=warmup, end=iters, T_max=iters - warmup, eta_min=0.0),
    ]
    cfg.log_processor = dict(type='LogProcessor', window_size=20, by_epoch=False)
    logger = dict(type='LoggerHook', interval=iters, log_metric_by_epoch=False)
    cfg.default_hooks = dict(checkpoint=None, logger=logger)
    cfg.randomness = dict(seed=seed)
    cfg.update(log_level='WARNING', resume=False, run_report=False, load_from=None, visualizer=None)
    for key in ('test_dataloader', 'test_evaluator', 'test_cfg'):
        cfg[key] = None
    return cfg


def run_and_score(cfg: Config, precise: bool = True) -> dict[str, Any]:
    """Train a config of :func:`short_config`, then validate once, and once more with precise statistics.

    Args:
        precise: False leaves the second validation out.

    Returns:
        ``scores`` (metric -> value in percent, those of :data:`SCORES` that the evaluator gives), ``precise`` (the same
        with batch norm statistics averaged over the training batches without dropout; empty where there is no batch
        norm), ``loss`` (mean of the last tenth of the iterations), ``first_loss`` and ``seconds``.
    """
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        cfg.work_dir = os.path.join(folder, 'run')
        runner = build_runner(cfg)
        runner.train()
        result: dict[str, Any] = dict(scores=_scores(runner), precise={})
        modules = runner.model.train().modules()
        if precise and any(isinstance(module, _BatchNorm) and module.training for module in modules):
            PreciseBNHook().before_val_epoch(runner)
            result['precise'] = _scores(runner)
        history: HistoryBuffer = runner.message_hub.log_scalars['train/loss']
        result['first_loss'] = float(history.data[0][0])
        result['loss'] = float(history.mean(max(int(cfg.train_cfg.max_iters) // 10, 1)))
    result['seconds'] = round(time.perf_counter() - start, 1)
    return result


def _scores(runner: Runner) -> dict[str, float]:
    """One validation; fractions become percent."""
    with torch.no_grad():
        found = runner.val()
    percent = {name: found[name] for name in SCORES if name in found}
    return {name: float(value) * (100 if name.startswith('coco/') else 1) for name, value in percent.items()}


def _multiply_rate(cfg: Config, factor: float) -> None:
    optimizer = cfg.optim_wrapper.get('optimizer') or {}
    if factor == 1.0:
        return
    if not isinstance(optimizer.get('lr'), (int, float)):
        raise UserError(f'lr={optimizer.get("lr")!r} of the optimizer is no number, so it cannot be multiplied.',
                        fix='leave --lr-factor out, or give optim_wrapper.optimizer.lr')
    optimizer['lr'] = optimizer['lr'] * factor
