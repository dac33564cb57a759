"""The start of a run up to its first step: ``check-data`` refuses what ``train`` would refuse.

A runner is built in a folder that is removed, and begins.  Model, data sets, loaders, optimizer, schedules, hooks,
metrics and loops are the run's own, built by the same code, with the same checks.  A hook ends it where the first step
would come.  Weights are neither drawn nor read, nothing is resumed, and no tracking service is told.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any

from mmengine.config import Config
from mmengine.hooks import Hook
from torch import nn

from mmseg_plugins.engine.runner.safe_runner import SafeRunner
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.process_state import preserved_process
from mmseg_plugins.utils.suggest import last_part

#: What the rehearsal leaves out: the check that comes before it, and what would write or talk.
SILENT = ('data_check', 'run_report', 'progress')
_HOOKS = ('DataCheckHook', 'RunReportHook', 'ProgressHook')
_numbers = itertools.count()


class _BegunError(Exception):
    """Ends a rehearsal where the first step would come."""


class _EndHook(Hook):
    priority = 'LOWEST'

    def before_train(self, runner: Any) -> None:
        raise _BegunError

    before_val = before_test = before_train


class RehearsalRunner(SafeRunner):
    """A runner that builds everything, on the CPU, and neither draws nor reads weights."""

    def wrap_model(self, model_wrapper_cfg: dict[str, Any] | None, model: nn.Module) -> nn.Module:
        """The model as it is: no accelerator is needed to build it."""
        return model

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
            except _BegunError:
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
    cfg.custom_hooks = [hook for hook in cfg.get('custom_hooks') or () if _kind(hook) not in _HOOKS]
    if isinstance(cfg.get('visualizer'), Mapping):
        cfg.visualizer.vis_backends = [dict(type='LocalVisBackend')]
    return cfg


def _kind(hook: Any) -> str:
    return last_part(str(hook.get('type'))) if isinstance(hook, Mapping) else type(hook).__name__


def _command(stage: str) -> str:
    return 'train CONFIG --dry-run' if stage == 'train' else 'test CONFIG CHECKPOINT'


def _first_line(error: Exception) -> str:
    return (str(error).strip().split('\n')[0] or repr(error)).rstrip('.')
