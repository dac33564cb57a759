"""Trainings of some hundred iterations that are scored once, under the same schedule for every system."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Collection, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.logging import HistoryBuffer
from mmengine.runner import Runner
from torch.nn.modules.batchnorm import _BatchNorm

from mmseg_plugins.config.variables import metrics_of
from mmseg_plugins.engine.hooks.precise_bn_hook import PreciseBNHook
from mmseg_plugins.engine.runner.options import build_runner
from mmseg_plugins.utils.errors import UserError

#: What stands for a score: metric of the evaluator -> heading.
SCORES = {'mIoU': 'mIoU', 'aAcc': 'pixel accuracy', 'coco/segm_mAP': 'mask AP', 'coco/segm_mAP_50': 'mask AP50',
          'coco_panoptic/PQ': 'PQ', 'labels/mAP': 'mAP of image labels'}
MAPS = ('mIoU', 'aAcc')  # a classifier of images is not trained for them
WORKERS = dict(num_workers=0, persistent_workers=False)  # of the loaders of a short run


class TimeLimit(Hook):
    """Stops a training that takes too long.

    Args:
        seconds: Of the clock, from the first iteration.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def before_train(self, runner: Runner) -> None:
        self._end = time.monotonic() + self.seconds

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Raises:
            TimeoutError: the time is over.
        """
        if time.monotonic() > self._end:
            raise TimeoutError(f'{self.seconds:g} s were over after iteration {runner.iter + 1} of {runner.max_iters}')


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


def config_digest(cfg: Config) -> str:
    """Sixteen hexadecimal digits that change with any value of a config: a score kept from before is of this config."""
    return hashlib.sha256(json.dumps(cfg.to_dict(), default=repr).encode()).hexdigest()[:16]


def run_and_score(cfg: Config, *, precise: bool = True, timeout: float | None = None) -> dict[str, Any]:
    """Train a config of :func:`short_config`, then validate once, and once more with precise statistics.

    Args:
        precise: False leaves the second validation out.
        timeout: Seconds of the clock that the training may take; None: any.

    Returns:
        ``scores`` (metric -> value in percent, those of :data:`SCORES` that the evaluator gives), ``precise`` (the same
        with batch norm statistics averaged over the training batches without dropout; empty where there is no batch
        norm), ``loss`` (mean of the last tenth of the iterations), ``first_loss`` and ``seconds`` of processor time.

    Raises:
        TimeoutError: the training takes longer than ``timeout``.
    """
    start = time.process_time()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        cfg.work_dir = os.path.join(folder, 'run')
        runner = build_runner(cfg)
        if timeout is not None:
            runner.register_hook(TimeLimit(timeout))
        runner.train()
        result: dict[str, Any] = dict(scores=_scores(runner), precise={})
        modules = runner.model.train().modules()
        if precise and any(isinstance(module, _BatchNorm) and module.training for module in modules):
            PreciseBNHook().before_val_epoch(runner)
            result['precise'] = _scores(runner)
        history: HistoryBuffer = runner.message_hub.log_scalars['train/loss']
        result['first_loss'] = float(history.data[0][0])
        result['loss'] = float(history.mean(max(int(cfg.train_cfg.max_iters) // 10, 1)))
    result['seconds'] = round(time.process_time() - start, 1)
    return result


def read_training_truth(cfg: Config, train: Mapping[str, Any]) -> None:
    """Let the evaluators read the ground truth of a training set, in place.

    Of a panoptic config those of panoptic files stay: its training part names no file of objects.
    """
    root, objects = train.get('data_root') or '', (train.get('data_prefix') or {}).get('seg')
    kept = metrics_of(cfg.val_evaluator)
    if objects:
        kept = [evaluator for evaluator in kept if evaluator.get('seg_prefix')]
    for evaluator in kept:
        if evaluator.get('ann_file') and train.get('ann_file'):
            evaluator['ann_file'] = os.path.join(root, train['ann_file'])
        if evaluator.get('seg_prefix'):
            evaluator['seg_prefix'] = os.path.join(root, objects or '')
    cfg.val_evaluator = kept


def write_images(content: Mapping[str, Any], ids: Collection[int], path: Path) -> None:
    """Write a COCO file (instances or panoptic) with these images and their annotations alone."""
    images = [image for image in content['images'] if image['id'] in ids]
    annotations = [one for one in content.get('annotations', []) if one['image_id'] in ids]
    path.write_text(json.dumps(dict(content, images=images, annotations=annotations)), encoding='utf-8')


def _scores(runner: Runner) -> dict[str, float]:
    """One validation; fractions become percent."""
    with torch.no_grad():
        found = runner.val()
    left_out = MAPS if 'labels/mAP' in found else ()
    return {name: float(found[name]) * (100 if name.startswith('coco/') else 1)
            for name in SCORES if name in found and name not in left_out}


def _multiply_rate(cfg: Config, factor: float) -> None:
    optimizer = cfg.optim_wrapper.get('optimizer') or {}
    if factor == 1.0:
        return
    if not isinstance(optimizer.get('lr'), (int, float)):
        raise UserError(f'lr={optimizer.get("lr")!r} of the optimizer is no number, so it cannot be multiplied.',
                        fix='leave --lr-factor out, or give optim_wrapper.optimizer.lr')
    optimizer['lr'] = optimizer['lr'] * factor
