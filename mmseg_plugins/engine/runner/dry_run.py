"""One step of everything: the quickest way to learn that a config works."""

from __future__ import annotations

import os
import tempfile
import time
from copy import deepcopy

import torch
from mmengine.config import Config
from mmengine.logging import print_log

from mmseg_plugins.config.walk import leaf_datasets
from mmseg_plugins.engine.checks.training_config import check_config_of_training, counts_epochs
from mmseg_plugins.engine.runner.options import build_runner


def dry_run(cfg: Config) -> None:
    """Train one iteration, validate one batch, save and load one checkpoint.

    The config's own model, data, optimizer, hooks and evaluators are used; only
    the length of the run changes.  What is written goes to a folder next to the
    working folder that is removed at the end.

    Raises:
        RuntimeError: the loaded checkpoint differs from the model that wrote it.
    """
    start = time.perf_counter()
    check_config_of_training(cfg)  # what shortening hides
    parent = os.path.dirname(os.path.abspath(cfg.work_dir))
    os.makedirs(parent, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix='dry_run_', dir=parent, ignore_cleanup_errors=True) as folder:
        cfg = shorten(deepcopy(cfg))
        cfg.work_dir = folder
        runner = build_runner(cfg)
        runner.train()
        model = runner.model.module if hasattr(runner.model, 'module') else runner.model
        trained = {key: value.detach().clone() for key, value in model.state_dict().items()}
        runner.load_checkpoint(os.path.join(folder, 'iter_1.pth'))
        different = [key for key, value in model.state_dict().items() if not torch.equal(value, trained[key])]
        if different:
            raise RuntimeError(f'the checkpoint loaded back differs in {len(different)} entries, first {different[0]}')
    minutes = time.perf_counter() - start
    print_log(f'dry run passed in {minutes:.1f} s: one iteration, one validation batch, one checkpoint', 'current')


def shorten(cfg: Config) -> Config:
    """Cut a config down to one training iteration and one validation batch, in place."""
    cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=1, val_interval=1)
    if isinstance(cfg.get('param_scheduler'), (list, tuple)):
        cfg.param_scheduler = [one for one in cfg.param_scheduler if not counts_epochs(one)]
    cfg.log_processor = dict(cfg.get('log_processor') or {}, by_epoch=False)
    hooks = cfg.setdefault('default_hooks', {})
    checkpoint = {**(hooks.get('checkpoint') or {'type': 'mmseg_plugins.SafeCheckpointHook'})}
    for key in ('save_best', 'rule', 'greater_keys', 'less_keys', 'save_begin', 'published_keys'):
        checkpoint.pop(key, None)
    hooks['checkpoint'] = dict(checkpoint, by_epoch=False, interval=1)
    hooks['logger'] = dict(hooks.get('logger') or {'type': 'LoggerHook'}, interval=1, log_metric_by_epoch=False)
    cfg.resume = False
    cfg.run_report = False
    cfg.dry_run = True
    if cfg.get('val_dataloader') is not None:
        for dataset in leaf_datasets(cfg.val_dataloader['dataset']):
            dataset['indices'] = cfg.val_dataloader.get('batch_size', 1)
    return cfg
