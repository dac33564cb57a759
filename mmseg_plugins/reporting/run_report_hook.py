"""After every training run its folder tells what happened, without asking."""

from __future__ import annotations

import atexit
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import is_main_process
from mmengine.hooks import Hook

import mmseg_plugins
from mmseg_plugins.config.variables import test_is_validation
from mmseg_plugins.data_check.class_counts import count_classes
from mmseg_plugins.engine.optimizers.autocast_optim_wrapper import precision_of
from mmseg_plugins.registry import HOOKS
from mmseg_plugins.reporting import run_report as report
from mmseg_plugins.reporting.scalars import ScalarTable
from mmseg_plugins.structures.images import save_image
from mmseg_plugins.utils import environment
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.visualization.charts import draw_class_histogram
from mmseg_plugins.visualization.sheets import SampleSheet, annotations_are_resized


@HOOKS.register_module()
class RunReportHook(Hook):
    """Write config, scalars, curves, class histogram, sample sheets and a summary into the work directory.

    ::

        before_train      config.py, class_histogram.{png,csv}, summary.json
        first iterations  samples_train.png (what the network got, with its ground truth)
        every interval    a row of scalars.csv
        each validation   samples_val.png (ground truth next to prediction), curves, summary.json
        after_train       curves_{loss,metric,lr}.png, summary.json
        each test         test_summary.json

    A process that ends by an exception or Ctrl-C still writes curves and summary
    at its exit; after a kill, what the last validation wrote is there.  A resumed
    run continues the table and adds its minutes to the summary.  Nothing here
    draws random numbers, so a run is the same with and without its report, and
    no failure here ends a training: it is logged with its traceback and listed
    under ``problems`` in the summary.  Only rank 0 writes.

    Args:
        interval: Iterations a row of the table; losses and times are means over them.
        train_samples: Pictures on ``samples_train.png``; 0 for none.
        val_samples: Images on ``samples_val.png``, spread evenly over the validation set; 0 for none.
        score_thr: Predicted instances below it are not drawn.
        redraw_seconds: Curves are drawn again during training at most this often.
        max_images: Instances are counted in at most so many images of the training data.
        max_label_maps: The same for label maps, which must be read from disk.
    """

    priority = 'LOWEST'  # after the checkpoint hook, whose paths are reported

    def __init__(
        self,
        interval: int = 10,
        train_samples: int = 8,
        val_samples: int = 6,
        score_thr: float = 0.3,
        redraw_seconds: float = 60.0,
        max_images: int = 20000,
        max_label_maps: int = 300,
    ) -> None:
        if interval < 1:
            raise UserError(f'RunReportHook: interval = {interval}; it must be at least 1 iteration')
        self.interval = interval
        self.train_samples = train_samples
        self.val_samples = val_samples
        self.score_thr = score_thr
        self.redraw_seconds = redraw_seconds
        self.max_images = max_images
        self.max_label_maps = max_label_maps
        self._table: ScalarTable | None = None
        self._runner: Any = None
        self._sums: dict[str, list[float]] = {}
        self._train_sheet: SampleSheet | None = None
        self._val_sheet: SampleSheet | None = None
        self._val_batches: set[int] = set()
        self._problems: list[str] = []
        self._start = self._drawn_at = self._test_start = 0.0
        self._test_began = ''
        self._began = ''
        self._earlier: dict[str, Any] = {}

    # ---- training -------------------------------------------------------------------------------------------

    def before_train(self, runner: Any) -> None:
        if not is_main_process():
            return
        self._runner, self._start, self._drawn_at = runner, time.monotonic(), time.monotonic()
        self._began = _now()
        folder = Path(runner.work_dir)
        with self._loud('read the earlier report'):
            self._earlier = report.read_summary(folder) if runner.iter > 0 else {}
        with self._loud('open scalars.csv'):
            self._table = ScalarTable(folder / report.FILES['scalars'], runner.iter)
        with self._loud('write config.py'):
            runner.cfg.dump(str(folder / report.FILES['config']))
        with self._loud('count the classes'):
            self._count_classes(folder)
        if self.train_samples:
            self._train_sheet = SampleSheet(self.train_samples, _meta(runner.train_dataloader))
        atexit.register(self._at_exit)
        self._summarize('running')

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        if self._train_sheet is None or not isinstance(data_batch, dict):
            return
        with self._loud('draw the training samples'):
            for inputs, sample in zip(data_batch['inputs'], data_batch['data_samples'], strict=True):
                self._train_sheet.add_truth(inputs, sample)
            if self._train_sheet.full:
                self._write_train_sheet()

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: dict | None = None
    ) -> None:
        if self._table is None:
            return
        done = runner.iter + 1
        for name, value in (outputs or {}).items():
            self._note(name, value)
        for name in ('time', 'data_time', 'grad_norm'):
            if f'train/{name}' in runner.message_hub.log_scalars:
                self._note(name, runner.message_hub.get_scalar(f'train/{name}').current())
        if done == 1 or done % self.interval == 0 or done == runner.max_iters:
            self._write_row(done)

    def after_train(self, runner: Any) -> None:
        if self._table is None:
            return
        self._finish('finished')
        runner.logger.info(f'report of this run: {Path(runner.work_dir) / report.FILES["summary"]} and next to it')

    # ---- validation -----------------------------------------------------------------------------------------

    def before_val_epoch(self, runner: Any) -> None:
        if self._table is None:
            return
        self._write_row(runner.iter)
        with self._loud('write samples_train.png'):
            self._write_train_sheet()
        batches = len(runner.val_dataloader)
        self._val_sheet = SampleSheet(self.val_samples, _meta(runner.val_dataloader))
        chosen = np.linspace(0, batches - 1, min(batches, self.val_samples)).round()
        self._val_batches = {int(index) for index in chosen}

    def after_val_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Sequence[Any] | None = None
    ) -> None:
        if self._val_sheet is None or batch_idx not in self._val_batches or not outputs:
            return
        with self._loud('draw a validation sample'):
            inputs = data_batch['inputs'] if isinstance(data_batch, dict) else [None] * len(outputs)
            scaled = annotations_are_resized(runner.val_dataloader.dataset)
            each = -(-self.val_samples // len(self._val_batches))  # rounded up: few batches give several each
            for item, sample in list(zip(inputs, outputs, strict=False))[:each]:
                self._val_sheet.add_pair(item, sample, self.score_thr, scaled)

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        if self._table is None:
            return
        with self._loud('record the metrics'):
            self._table.add(runner.iter, self._epoch(runner.iter), 'val', _numbers(metrics or {}))
        with self._loud('write samples_val.png'):
            sheet, self._val_sheet = self._val_sheet, None
            if sheet is not None:
                heading = f'after iteration {runner.iter}: ground truth next to prediction'
                self._write_sheet(sheet, 'samples_val', heading)
        if time.monotonic() - self._drawn_at >= self.redraw_seconds:
            self._draw_curves()
        self._summarize('running')

    # ---- tests ----------------------------------------------------------------------------------------------

    def before_test_epoch(self, runner: Any) -> None:
        self._test_start, self._test_began = time.monotonic(), _now()

    def after_test_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        if not is_main_process():
            return
        self._runner = runner
        with self._loud('write test_summary.json', 'the test'):
            report.write_summary(runner.work_dir, self._test_summary(runner, metrics or {}), 'test_summary')

    def _test_summary(self, runner: Any, metrics: dict[str, float]) -> dict[str, Any]:
        return {
            'status': 'finished',
            'config': runner.cfg.filename,
            'command': environment.command_line(),
            'checkpoint': runner._load_from and str(runner._load_from),  # None for a model without parameters
            'git': environment.git_commit(Path(mmseg_plugins.__file__).parent),
            'started': self._test_began,
            'updated': _now(),
            'seed': runner.seed,
            'images': len(runner.test_dataloader.dataset),
            'test_set': 'the validation set' if test_is_validation(runner.cfg) else 'its own',
            'minutes': round((time.monotonic() - self._test_start) / 60, 3),
            'parameters': _parameters(runner.model),
            'metrics': _numbers(metrics),
            'hardware': environment.hardware(),
            'versions': environment.versions(),
        }

    # ---- scalars --------------------------------------------------------------------------------------------

    def _note(self, name: str, value: Any) -> None:
        """Remember one value of the current window; what is no number is not a scalar."""
        try:
            self._sums.setdefault(name, []).append(float(value.detach() if hasattr(value, 'detach') else value))
        except (TypeError, ValueError):
            self._sums.pop(name, None)

    def _write_row(self, iteration: int) -> None:
        """One training row with the means since the last one; nothing where no iteration was noted."""
        assert self._table is not None
        if not self._sums:
            return
        with self._loud('write scalars.csv'):
            values = {name: sum(window) / len(window) for name, window in self._sums.items()}
            self._sums = {}
            for name, rates in self._runner.optim_wrapper.get_lr().items():
                if name.endswith('lr') and not name.endswith('base_lr'):
                    values[name] = float(rates[0])
            memory = environment.peak_memory()
            values['memory_mb'] = memory.get('cuda_mb', memory['rss_mb'])
            self._table.add(iteration, self._epoch(iteration), 'train', values)

    def _epoch(self, iteration: int) -> float:
        return iteration / max(1, len(self._runner.train_dataloader))

    # ---- pictures -------------------------------------------------------------------------------------------

    def _count_classes(self, folder: Path) -> None:
        dataset = self._runner.train_dataloader.dataset
        if 'classes' not in (getattr(dataset, 'metainfo', None) or {}):
            return  # images without labels, for pre-training
        counts = count_classes(dataset, self.max_images, self.max_label_maps)
        (folder / report.FILES['class_counts']).write_text(counts.csv(), encoding='utf-8')
        path = folder / report.FILES['class_histogram']
        title = f'training data: {counts.title()}'
        draw_class_histogram(
            counts.names, counts.counts.tolist(), path, title, unit=counts.unit, images=counts.images.tolist()
        )

    def _write_train_sheet(self) -> None:
        sheet, self._train_sheet = self._train_sheet, None
        if sheet is not None:
            self._write_sheet(sheet, 'samples_train', 'training samples after the pipeline, with their ground truth')

    def _write_sheet(self, sheet: SampleSheet, name: str, heading: str) -> None:
        page = sheet.page(heading)
        if page is not None:
            save_image(Path(self._runner.work_dir) / report.FILES[name], page)

    def _draw_curves(self) -> None:
        assert self._table is not None
        with self._loud('draw the curves'):
            report.draw_run_curves(self._table, self._runner.work_dir, self._runner.experiment_name)
        self._drawn_at = time.monotonic()

    # ---- summary and end ------------------------------------------------------------------------------------

    def _summarize(self, status: str) -> None:
        with self._loud('write summary.json'):
            assert self._table is not None
            report.write_summary(self._runner.work_dir, self._summary(status, self._table))

    def _summary(self, status: str, table: ScalarTable) -> dict[str, Any]:
        runner = self._runner
        peak = environment.peak_memory()
        for name, value in (self._earlier.get('peak_memory') or {}).items():
            peak[name] = max(value, peak.get(name, 0.0))
        minutes = (time.monotonic() - self._start) / 60
        return {
            'status': status,
            'config': runner.cfg.filename,
            'command': environment.command_line(),
            'git': environment.git_commit(Path(mmseg_plugins.__file__).parent),
            'started': self._earlier.get('started') or self._began,
            'updated': _now(),
            'seed': runner.seed,
            'world_size': runner.world_size,
            'iterations': runner.iter,
            'max_iterations': runner.max_iters,
            'epochs': round(self._epoch(runner.iter), 4),
            'minutes': round(minutes + float(self._earlier.get('minutes') or 0.0), 3),
            'resumes': int(self._earlier.get('resumes') or 0) + bool(self._earlier),
            'precision': precision_of(runner.optim_wrapper),
            'seconds_per_iteration_median': report.median_seconds(table),
            'peak_memory': peak,
            'parameters': _parameters(runner.model),
            'losses': report.last_losses(table),
            'metrics': report.final_and_best(table),
            'checkpoints': report.checkpoint_paths(runner.work_dir, _best_checkpoint(runner)),
            'files': report.written_paths(runner.work_dir),
            'hardware': environment.hardware(),
            'versions': environment.versions(),
            'problems': self._problems,
        }

    def _finish(self, status: str) -> None:
        """Write what is still to write, and let go of the run."""
        self._write_row(self._runner.iter)
        with self._loud('write samples_train.png'):
            self._write_train_sheet()
        self._draw_curves()
        self._summarize(status)
        self._table = None
        atexit.unregister(self._at_exit)

    def _at_exit(self) -> None:
        """An exception ended the process before ``after_train``."""
        error = getattr(sys, 'last_value', None)
        self._finish('stopped' if error is None else f'stopped by {type(error).__name__}: {error}')

    @contextmanager
    def _loud(self, what: str, process: str = 'training') -> Iterator[None]:
        """Log a failure with its traceback and go on: a report must not end a training."""
        try:
            yield
        except Exception as error:
            problem = f'could not {what}: {type(error).__name__}: {error}'
            if problem not in self._problems:  # the same at each validation is one problem
                self._problems.append(problem)
            self._runner.logger.error(f'run report: could not {what}; {process} goes on', exc_info=True)


def _parameters(model: Any) -> dict[str, int]:
    sizes = [(p.numel(), p.requires_grad) for p in getattr(model, 'module', model).parameters()]
    return {'total': sum(n for n, _ in sizes), 'trainable': sum(n for n, grad in sizes if grad)}


def _numbers(metrics: dict[str, Any]) -> dict[str, float]:
    return {k: float(v) for k, v in metrics.items() if _is_number(v)}


def _is_number(value: Any) -> bool:
    return bool(np.isscalar(value)) and not isinstance(value, str)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec='seconds')


def _meta(loader: Any) -> dict[str, Any]:
    return dict(getattr(loader.dataset, 'metainfo', None) or {})


def _best_checkpoint(runner: Any) -> str | None:
    """Path of the best checkpoint as the checkpoint hook recorded it."""
    info = runner.message_hub.runtime_info
    return next((str(info[key]) for key in info if key.startswith('best_ckpt')), None)
