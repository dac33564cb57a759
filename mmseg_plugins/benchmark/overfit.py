"""Can a system learn a few images by heart?  The test that separates a fault of recipe or code from too little data.

A network that cannot fit eight images has a fault: the learning rate, dropout before batch norm, class weights, first
weights of the last layer, the statistics of the norms, the normalizer of a loss, or a bug.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.logging import HistoryBuffer
from mmengine.registry import DATASETS
from mmengine.runner import Runner
from torch.nn.modules.batchnorm import _BatchNorm

from mmseg_plugins.config.scope import enter_scope_of
from mmseg_plugins.config.walk import base_datasets
from mmseg_plugins.engine.hooks.precise_bn_hook import PreciseBNHook
from mmseg_plugins.engine.runner.options import build_runner
from mmseg_plugins.structures.coco_json import read_coco
from mmseg_plugins.utils.errors import UserError

#: Steps of a pipeline that change an image at random; parts of their names.
RANDOM = ('Random', 'PhotoMetric', 'Mosaic', 'MixUp', 'CutOut', 'CopyPaste', 'Jitter', 'Rotate', 'Albu', 'MinIoU',
          'Expand', 'GridMask')
#: Size of the images where the config's scope is mmseg and nobody asked for another.
SEMANTIC_SIZE = (64, 96)
#: Copies ``img_shape`` to ``ori_shape``: predictions and labels then meet at the size the network saw.
TAKE_AS_ORIGINAL = dict(type='KeyMapper', mapping=dict(img_shape='img_shape'), remapping=dict(img_shape='ori_shape'))
#: What stands for a score: metric of the evaluator -> heading.
SCORES = {'mIoU': 'mIoU', 'aAcc': 'pixel accuracy', 'coco/segm_mAP': 'mask AP', 'coco/segm_mAP_50': 'mask AP50',
          'coco_panoptic/PQ': 'PQ'}


class Settings(NamedTuple):
    """What is learnt, and for how long.

    Attributes:
        images: The first of the training set.
        size: (height, width) that every image of a semantic config is resized to; None: 64 x 96.
        iters: Training iterations: a linear warm-up over the first tenth, then a cosine to zero.
        lr_factor: On the learning rate of every parameter group.
        seed: Of weights and order.
    """

    images: int = 8
    size: tuple[int, int] | None = None
    iters: int = 200
    lr_factor: float = 1.0
    seed: int = 0


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


def overfit_config(cfg: Config, settings: Settings) -> Config:
    """The config that trains and validates on the same few images, without augmentation.

    Model, losses, optimizer, clipping and custom hooks stay the config's own.  The images are the first of its training
    set, read without any random step (:data:`RANDOM`); the schedule is a warm-up and a cosine for every system alike.

    Raises:
        UserError: the config has no training or validation part, or its optimizer's rate is no number.
    """
    for key in ('train_dataloader', 'val_dataloader', 'val_evaluator', 'optim_wrapper'):
        if not cfg.get(key):
            raise UserError(f'the config has no {key}, so it cannot be trained and scored on the same images.',
                            fix='take a config that trains and validates')
    cfg = deepcopy(cfg)
    semantic = cfg.get('default_scope') == 'mmseg'
    if settings.size and not semantic:
        raise UserError('--size: instances are scored at the size of their files.', fix='leave it out for this config')
    size = settings.size or (SEMANTIC_SIZE if semantic else None)
    _set_data(cfg, settings.images, size)
    preprocessor = cfg.model.get('data_preprocessor') or {}
    if size and preprocessor.get('size'):
        preprocessor['size'] = tuple(size)  # of the recipe's crops: what is smaller would be padded to it
    _set_rate(cfg, settings.lr_factor)
    warmup = max(settings.iters // 10, 1)
    cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=settings.iters, val_interval=settings.iters + 1)
    cfg.param_scheduler = [
        dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=warmup),
        dict(type='CosineAnnealingLR', by_epoch=False, begin=warmup, end=settings.iters, T_max=settings.iters - warmup,
             eta_min=0.0),
    ]
    cfg.log_processor = dict(type='LogProcessor', window_size=20, by_epoch=False)
    logger = dict(type='LoggerHook', interval=settings.iters, log_metric_by_epoch=False)
    cfg.default_hooks = dict(checkpoint=None, logger=logger)
    cfg.randomness = dict(seed=settings.seed)
    cfg.update(log_level='WARNING', resume=False, run_report=False, load_from=None, visualizer=None)
    return cfg


def measure_overfit(cfg: Config, settings: Settings, timeout: float | None = None) -> dict[str, Any]:
    """Train on a few images and score on the same ones.

    Args:
        timeout: Seconds of the clock that the training may take; None: any.

    Returns:
        ``scores`` (metric -> value in percent, those of :data:`SCORES` that the evaluator gives), ``precise`` (the same
        with batch norm statistics averaged over the training batches without dropout; empty where there is no batch
        norm), ``loss`` (mean of the last tenth of the iterations), ``first_loss`` and ``seconds`` of processor
        time.

    Raises:
        TimeoutError: the training takes longer than ``timeout``.
    """
    start = time.process_time()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        cfg = overfit_config(cfg, settings)
        cfg.work_dir = os.path.join(folder, 'run')
        keep_ground_truth(cfg, Path(folder) / 'ground_truth.json')
        runner = build_runner(cfg)
        if timeout is not None:
            runner.register_hook(TimeLimit(timeout))
        runner.train()
        result: dict[str, Any] = dict(scores=_scores(runner), precise={})
        if any(isinstance(module, _BatchNorm) and module.training for module in runner.model.train().modules()):
            PreciseBNHook().before_val_epoch(runner)
            result['precise'] = _scores(runner)
        history: HistoryBuffer = runner.message_hub.log_scalars['train/loss']
        result['first_loss'] = float(history.data[0][0])
        result['loss'] = float(history.mean(max(settings.iters // 10, 1)))
    result['seconds'] = round(time.process_time() - start, 1)
    return result


def _scores(runner: Runner) -> dict[str, float]:
    """One validation; fractions become percent."""
    with torch.no_grad():
        found = runner.val()
    percent = {name: found[name] for name in SCORES if name in found}
    return {name: float(value) * (100 if name.startswith('coco/') else 1) for name, value in percent.items()}


def _set_data(cfg: Config, images: int, size: Sequence[int] | None) -> None:
    """Training and validation read the same first images."""
    loader = cfg.train_dataloader
    parts = list(base_datasets(loader.dataset))
    pipeline = fixed_pipeline(parts[0].get('pipeline') or loader.dataset.get('pipeline') or [], size)
    own = next(iter(base_datasets(cfg.val_dataloader.dataset)))
    test_pipeline = fixed_pipeline(own['pipeline'], size)
    train = dict(deepcopy(parts[0]), indices=images, pipeline=pipeline)
    batch = min(int(loader.get('batch_size', 2)), images)
    workers = dict(num_workers=0, persistent_workers=False)
    cfg.train_dataloader = dict(batch_size=batch, sampler=dict(type='InfiniteSampler', shuffle=True), dataset=train,
                                **{key: loader[key] for key in ('collate_fn', ) if key in loader}, **workers)
    cfg.val_dataloader = dict(batch_size=1, sampler=dict(type='DefaultSampler', shuffle=False),
                              dataset=dict(deepcopy(train), pipeline=test_pipeline), **workers)
    _set_evaluators(cfg, train)
    for key in ('test_dataloader', 'test_evaluator', 'test_cfg'):
        cfg[key] = None
    cfg.val_cfg = dict(type='ValLoop')


def _set_evaluators(cfg: Config, train: Mapping[str, Any]) -> None:
    """The evaluators read the training set's ground truth.

    Of a panoptic config those of panoptic files stay: its training part names no file of objects.
    """
    root, objects = train.get('data_root') or '', (train.get('data_prefix') or {}).get('seg')
    kept = cfg.val_evaluator if isinstance(cfg.val_evaluator, (list, tuple)) else [cfg.val_evaluator]
    if objects:
        kept = [evaluator for evaluator in kept if evaluator.get('seg_prefix')]
    for evaluator in kept:
        if evaluator.get('ann_file') and train.get('ann_file'):
            evaluator['ann_file'] = os.path.join(root, train['ann_file'])
        if evaluator.get('seg_prefix'):
            evaluator['seg_prefix'] = os.path.join(root, objects or '')
    cfg.val_evaluator = kept


def keep_ground_truth(cfg: Config, path: Path) -> None:
    """Write the annotations of the few images alone to ``path``, and let data sets and evaluators read those.

    COCO's average precision is over every image of the file: 8 of 1,000 images found without fault would be 0.8 %.
    """
    evaluators = [evaluator for evaluator in cfg.val_evaluator if evaluator.get('ann_file')]
    if not evaluators:
        return
    enter_scope_of(cfg)
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    ids = {dataset.get_data_info(index)['img_id'] for index in range(len(dataset))}
    content = read_coco(evaluators[0]['ann_file']).content
    content['images'] = [image for image in content['images'] if image['id'] in ids]
    content['annotations'] = [one for one in content['annotations'] if one['image_id'] in ids]
    path.write_text(json.dumps(content), encoding='utf-8')
    for reader in (cfg.train_dataloader.dataset, cfg.val_dataloader.dataset, *evaluators):
        reader['ann_file'] = str(path.resolve())


def fixed_pipeline(pipeline: Sequence[Mapping[str, Any]], size: Sequence[int] | None) -> list[dict[str, Any]]:
    """A pipeline without random steps and with one size, set right after the annotations are loaded.

    Args:
        size: (height, width); None leaves the images as large as they are.
    """
    kept = [dict(step) for step in pipeline if not any(word in step['type'] for word in RANDOM)]
    if size is None:
        return kept
    kept = [step for step in kept if not step['type'].endswith('Resize')]
    place = 1 + max((index for index, step in enumerate(kept) if 'Load' in step['type']), default=0)
    kept[place:place] = [dict(type='Resize', scale=(size[1], size[0]), keep_ratio=False), TAKE_AS_ORIGINAL]
    return kept


def _set_rate(cfg: Config, factor: float) -> None:
    optimizer = cfg.optim_wrapper.get('optimizer') or {}
    if factor == 1.0:
        return
    if not isinstance(optimizer.get('lr'), (int, float)):
        raise UserError(f'lr={optimizer.get("lr")!r} of the optimizer is no number, so it cannot be multiplied.',
                        fix='leave --lr-factor out, or give optim_wrapper.optimizer.lr')
    optimizer['lr'] = optimizer['lr'] * factor
