"""Check the data before the first iteration, and say what will be dropped."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner
from torch import nn

from mmseg_plugins.data_check.batch_check import check_batch_labels
from mmseg_plugins.data_check.check_config import check_config
from mmseg_plugins.data_check.check_report import collect_problems, data_error, inputs_of, write_report
from mmseg_plugins.data_check.image_check import ImageOptions
from mmseg_plugins.engine.checks.image_sizes import check_image_sizes
from mmseg_plugins.registry import HOOKS
from mmseg_plugins.utils.errors import UserError

#: What a run reads; only problems there stop it.
STAGE_SPLITS = {'train': ('train', 'val'), 'val': ('val',), 'test': ('test',)}


class _Found(NamedTuple):
    """What rank 0 tells the others: pairs of place and problem, and the sizes (h, w) that each split gives."""

    problems: list[tuple[str, str]]
    inputs: dict[str, list[tuple[int, int]]]


@HOOKS.register_module()
class DataCheckHook(Hook):
    """Compare configuration, annotation files and image files once, before training, validation or testing.

    Classes are compared with the JSON's categories (names and order) and with
    ``num_classes`` of every head; annotations and files with what mmdet's
    loader does to them.  What will be dropped is counted in the log and listed
    one by one in ``work_dir/data_check.json``; what makes the run impossible or
    wrong raises one :class:`UserError` with all problems.

    ``SafeRunner`` calls :meth:`before_build`, before any data set is built;
    with mmengine's own runner the check comes with the first loop.  Rank 0
    reads, the others wait and raise the same.  Of label maps only some are
    read then; mmseg's models have those of every training batch compared with
    the decode head's classes, which costs about a millisecond.  Where the pipelines
    give images of odd sizes, a copy of the model is asked whether it takes them.

    Args:
        decode_images: read every pixel of every image (minutes on COCO).
        max_headers: image files opened per data set, evenly spread; None opens
            all.  That each file exists is checked for all of them.
        listed: examples shown in the log for each kind of finding.
    """

    priority = 'VERY_HIGH'

    def __init__(self, *, decode_images: bool = False, max_headers: int | None = 2000, listed: int = 3) -> None:
        if max_headers is not None and max_headers < 0:
            raise UserError(f'max_headers must be None (all) or at least 0, got {max_headers}')
        self.options = ImageOptions(max_headers=max_headers, decode=decode_images)
        self.listed = listed
        self._done = False
        self._labels: dict[str, int] | None = None  # what the labels of mmseg's batches are compared with

    def before_build(self, runner: Runner, stage: str = 'train') -> None:
        """Check for a run of ``stage``: ``train`` (training and validation sets), ``val`` or ``test``."""
        if self._done:
            return
        self._done = True
        outcome: list[_Found | None] = [None]
        failure: Exception | None = None
        if is_main_process():
            try:
                outcome[0] = self._check(runner, stage)
            except Exception as error:  # the other ranks must not wait for ever
                failure = error
        broadcast_object_list(outcome)
        if failure is not None:
            raise failure
        found = outcome[0]
        if found is None:
            raise RuntimeError('the data check failed on rank 0, see its output')
        if found.problems:
            raise data_error(found.problems)
        self._try_sizes(runner, found.inputs)

    def before_train(self, runner: Runner) -> None:
        self.before_build(runner, 'train')
        model = getattr(runner, 'model', None)
        head: Any = getattr(getattr(model, 'module', model), 'decode_head', None)
        head = head[-1] if isinstance(head, nn.ModuleList) else head
        if isinstance(getattr(head, 'num_classes', None), int):
            self._labels = dict(num_classes=head.num_classes, ignore_index=getattr(head, 'ignore_index', 255))

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        if self._labels and isinstance(data_batch, dict) and 'data_samples' in data_batch:
            check_batch_labels(data_batch['inputs'], data_batch['data_samples'], **self._labels)

    def before_val(self, runner: Runner) -> None:
        self.before_build(runner, 'val')

    def before_test(self, runner: Runner) -> None:
        self.before_build(runner, 'test')

    def _try_sizes(self, runner: Runner, inputs: dict[str, list[tuple[int, int]]]) -> None:
        """Ask the model whether it takes what the pipelines give; each rank asks its own."""
        model = getattr(runner, 'model', None)
        if isinstance(model, nn.Module) and runner.cfg.get('compatibility_check', True):
            loader = runner.cfg.get('train_dataloader')
            batch_size = loader.get('batch_size', 1) if isinstance(loader, Mapping) else 1
            check_image_sizes(getattr(model, 'module', model), inputs, batch_size,
                              runner.cfg.get('default_scope') == 'mmseg')

    def _check(self, runner: Runner, stage: str) -> _Found:
        """Log and write the reports; returns what concerns this stage."""
        reports = check_config(runner.cfg, STAGE_SPLITS[stage], self.options)
        for report in reports:
            level = logging.WARNING if report.doubtful() else logging.INFO
            print_log(report.text(self.listed), logger='current', level=level)
        work_dir = getattr(runner, 'work_dir', None) or runner.cfg.get('work_dir')
        if work_dir and reports:
            path = Path(work_dir) / 'data_check.json'
            write_report(path, reports)
            if any(report.counts for report in reports):
                print_log(f'every finding of the data check: {path}', logger='current')
        return _Found(collect_problems(reports, self.listed), inputs_of(reports))
