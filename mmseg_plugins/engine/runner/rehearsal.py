"""The start of a run up to its first step: ``check-data`` refuses what ``train`` would refuse.

A runner is built in a folder that is removed, and begins.  Model, data sets, loaders, optimizer, schedules, hooks,
metrics and loops are the run's own, built by the same code, with the same checks.  A hook ends the run where the first
step would come.  Before that it loads the first images of each loop; a model of moderate size gives the losses of two
and the prediction of one.  Weights stay as the constructors leave them, nothing is read, resumed or learned, and no
tracking service is told.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sized
from copy import deepcopy
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from torch import Tensor, nn

from mmseg_plugins.engine.runner.outside_runs import hook_kind
from mmseg_plugins.engine.runner.safe_runner import SafeRunner
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.process_state import preserved_process
from mmseg_plugins.utils.rng import seeded
from mmseg_plugins.utils.suggest import last_part

#: What the rehearsal leaves out: the check that comes before it, and what would write or talk.
SILENT = ('data_check', 'run_report', 'progress')
_HOOKS = ('DataCheckHook', 'RunReportHook', 'ProgressHook')
IMAGES = 2  # of a trial of the training: norms want two
MOST_VALUES, MOST_WEIGHTS = 10_000_000, 100_000_000  # in the images and in the model of a trial: seconds on a CPU
WRITING = ('format_only', 'output_dir', 'outfile_prefix', 'out_file_path')  # of metrics that write predictions
_numbers = itertools.count()


class _BegunError(Exception):
    """Ends a rehearsal where the first step would come."""


class _EndHook(Hook):
    """Tries the first images of each loop, then ends the run."""

    priority = 'LOWEST'

    def before_train(self, runner: Any) -> None:
        _try_training(runner.model, getattr(runner.train_loop, 'dataloader', None), _passes(runner))
        if runner.val_loop is not None:
            runner.call_hook('before_val')  # of the others, and the next method
        raise _BegunError

    def before_val(self, runner: Any) -> None:
        _try_evaluation(runner.model, runner.val_loop, _passes(runner))
        raise _BegunError

    def before_test(self, runner: Any) -> None:
        _try_evaluation(runner.model, runner.test_loop, _passes(runner))
        raise _BegunError

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """End the run of a loop of the user's own, which may not tell its beginning."""
        raise _BegunError

    before_val_iter = before_test_iter = before_train_iter


def _passes(runner: Any) -> bool:
    return bool(runner.cfg.get('compatibility_check', True))


def _try_training(model: Any, loader: Any, passes: bool) -> None:
    """The losses of two images; a model whose step is its own is left to its first step."""
    if getattr(loader, 'batch_sampler', None) is None:  # of a loop, or of data, of the user's own
        return
    with seeded(0):
        indices = next(iter(loader.batch_sampler))
        parts = hasattr(loader.batch_sampler, 'counts')  # a batch of labeled and unlabeled images is tried as it is
        batch = loader.collate_fn([loader.dataset[i] for i in (indices if parts else indices[:IMAGES])])
    data = _prepared(model, batch, training=True)
    if passes and type(model).train_step is BaseModel.train_step and _is_small(model, data):
        with torch.no_grad():
            model.train()._run_forward(data, mode='loss')


def _try_evaluation(model: Any, loop: Any, passes: bool) -> None:
    """The prediction of one image, and what the metrics keep of it, where they write nothing."""
    dataset = getattr(getattr(loop, 'dataloader', None), 'dataset', None)
    if not isinstance(dataset, Sized) or not len(dataset):
        return
    batch = loop.dataloader.collate_fn([dataset[0]])  # type: ignore[index]
    data = _prepared(model, batch, training=False)
    if not passes or not _is_small(model, data) or type(model).val_step is not BaseModel.val_step:
        return
    with torch.no_grad():
        outputs = model.eval()._run_forward(data, mode='predict')
    metrics = getattr(getattr(loop, 'evaluator', None), 'metrics', None) or ()
    if metrics and not any(getattr(metric, name, None) for metric in metrics for name in WRITING):
        loop.evaluator.process(data_samples=outputs, data_batch=batch)


def _prepared(model: Any, batch: Any, *, training: bool) -> Any:
    data = model.data_preprocessor(batch, training)
    images = data.get('inputs') if isinstance(data, Mapping) else None
    if isinstance(images, Tensor) and not images.isfinite().all():
        raise UserError('model.data_preprocessor makes NaN or infinite numbers of the first images.',
                        rule='mean is a number for each channel, std one above 0.', fix='correct mean and std.')
    return data


def _is_small(model: nn.Module, data: Any) -> bool:
    """Whether a pass takes seconds, and means anything: weights that a constructor leaves open may be any number."""
    images = data.get('inputs') if isinstance(data, Mapping) else None
    images = images if isinstance(images, (list, tuple)) else [images]
    if not all(isinstance(image, Tensor) for image in images) or sum(map(Tensor.numel, images)) > MOST_VALUES:
        return False
    weights = [weight for weight in model.parameters() if weight.numel()]
    return sum(w.numel() for w in weights) <= MOST_WEIGHTS and all(bool(w.abs().max() < 1e6) for w in weights)


class RehearsalRunner(SafeRunner):
    """A runner that builds everything, and neither draws nor reads weights."""

    def _init_model_weights(self) -> None:
        """Nothing: files of initial weights may lie on another machine."""

    def load_or_resume(self) -> None:
        """Nothing, see :meth:`_init_model_weights`."""

    def _choose_start(self) -> None:
        """Nothing: the folder is empty."""


def start_problem(cfg: Config, splits: Iterable[str] = ('train', 'val', 'test')) -> str:
    """What would stop a run of this config before its first step, beyond its data; empty where nothing does.

    Args:
        cfg: A whole config; it is not changed.
        splits: ``train`` begins a training, which builds its validation, too; ``val`` and ``test`` begin their own
            where the training does not build the same.

    Returns:
        The message of the run, or the error that it would end with.  The process is left as it was.
    """
    runner_type = cfg.get('runner_type')
    if runner_type is not None and last_part(str(runner_type)) != 'SafeRunner':
        return ''
    for stage in _stages(cfg, tuple(splits)):
        with preserved_process(), tempfile.TemporaryDirectory(prefix='rehearsal_') as folder:
            try:
                runner = RehearsalRunner.from_cfg(_quiet(cfg, folder))
                runner.register_hook(_EndHook())
                getattr(runner, stage)()
            except (_BegunError, torch.cuda.OutOfMemoryError):  # another process may hold the accelerator's memory
                continue
            except UserError as error:
                return str(error)
            except Exception as error:  # of a host or of the user's own parts: what it is, the run would show, too
                return (f'the run would end before its first step with {type(error).__name__}: {_first_line(error)}. '
                        f'Fix: correct the setting that this names; mmseg-plugins {_command(stage)} shows the place.')
    return ''


def _stages(cfg: Config, splits: tuple[str, ...]) -> Iterator[str]:
    """The runs to begin: what a training builds anyway is not built twice."""
    trains = 'train' in splits and cfg.get('train_cfg') is not None and cfg.get('train_dataloader') is not None
    if trains:
        yield 'train'
    if 'val' in splits and not trains and cfg.get('val_dataloader') is not None:
        yield 'val'
    known = trains or 'val' in splits
    same = all(cfg.get(f'test_{part}') == cfg.get(f'val_{part}') for part in ('dataloader', 'evaluator'))
    if 'test' in splits and cfg.get('test_dataloader') is not None and not (known and same):
        yield 'test'


def _quiet(cfg: Config, folder: str) -> Config:
    cfg = deepcopy(cfg)
    cfg.update(work_dir=os.path.join(folder, 'run'), resume=False, launcher='none', log_level='WARNING',
               experiment_name=f'rehearsal_{next(_numbers)}', **dict.fromkeys(SILENT, False))
    cfg.custom_hooks = [hook for hook in cfg.get('custom_hooks') or () if hook_kind(hook) not in _HOOKS]
    if isinstance(cfg.get('visualizer'), Mapping):
        cfg.visualizer.vis_backends = [dict(type='LocalVisBackend')]
    return cfg


def _command(stage: str) -> str:
    return 'train CONFIG --dry-run' if stage == 'train' else 'test CONFIG CHECKPOINT'


def _first_line(error: Exception) -> str:
    return (str(error).strip().split('\n')[0] or repr(error)).rstrip('.')
