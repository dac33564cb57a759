"""A progress bar with ETA while training, validating and testing on a terminal."""

from __future__ import annotations

import atexit
import logging
import sys
from typing import IO, Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook

from mmseg_plugins.registry import HOOKS
from mmseg_plugins.utils.progress import build_bar, is_terminal


@HOOKS.register_module()
class ProgressHook(Hook):
    """Show a bar with ETA below the log lines; do nothing where the output is no terminal.

    Log lines keep coming and scroll above the bar: while it is shown, the
    stream handlers of the logger write through the bar's console.  Log files
    are never touched, and a pipe or file gets the log lines alone.

    Args:
        stream: Where the bar is shown; default standard output, as mm's log lines.
    """

    priority = 'LOWEST'

    def __init__(self, stream: IO[str] | None = None) -> None:
        self._stream = stream
        self._bar: Any = None
        self._tasks: dict[str, Any] = {}
        self._handlers: list[tuple[logging.StreamHandler, Any]] = []

    def before_train(self, runner: Any) -> None:
        self._open(runner)
        self._start('train', runner.max_iters, runner.iter)

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: dict | None = None
    ) -> None:
        loss = float(outputs['loss']) if self._bar and outputs and 'loss' in outputs else None
        self._update('train', runner.iter + 1, '' if loss is None else f'loss {loss:.4g}')

    def after_train(self, runner: Any) -> None:
        self.close()

    def before_val(self, runner: Any) -> None:
        self._open(runner)
        self._start('val', len(runner.val_dataloader), 0)

    def after_val_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        last = batch_idx + 1 == len(runner.val_dataloader)
        self._update('val', batch_idx + 1, 'computing metrics' if last else '')

    def after_val(self, runner: Any) -> None:
        self._finish('val')

    def before_test(self, runner: Any) -> None:
        self._open(runner)
        self._start('test', len(runner.test_dataloader), 0)

    def after_test_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        last = batch_idx + 1 == len(runner.test_dataloader)
        self._update('test', batch_idx + 1, 'computing metrics' if last else '')

    def after_test(self, runner: Any) -> None:
        self._finish('test')

    def after_run(self, runner: Any) -> None:
        self.close()

    def close(self) -> None:
        """Remove the bar and give the log handlers their streams back; may be called twice."""
        if self._bar is None:
            return
        self._bar.stop()
        for handler, stream in self._handlers:
            handler.setStream(stream)
        self._bar, self._tasks, self._handlers = None, {}, []
        atexit.unregister(self.close)

    def _open(self, runner: Any) -> None:
        stream = sys.stdout if self._stream is None else self._stream
        if self._bar is not None or not is_main_process() or not is_terminal(stream):
            return
        from rich.file_proxy import FileProxy

        self._bar = build_bar(stream)
        for handler in runner.logger.handlers:
            if type(handler) is logging.StreamHandler and is_terminal(handler.stream):
                self._handlers.append((handler, handler.stream))
                handler.setStream(FileProxy(self._bar.console, handler.stream))
        self._bar.start()
        atexit.register(self.close)  # an exception skips after_run, and the cursor must come back

    def _start(self, name: str, total: int, done: int) -> None:
        if self._bar is not None:
            self._tasks[name] = self._bar.add_task(name, total=total, completed=done, note='')

    def _update(self, name: str, done: int, note: str) -> None:
        if self._bar is not None and name in self._tasks:
            self._bar.update(self._tasks[name], completed=done, note=note)

    def _finish(self, name: str) -> None:
        if self._bar is None:
            return
        task = self._tasks.pop(name, None)
        if task is not None:
            self._bar.refresh()
            self._bar.remove_task(task)
        if not self._tasks:
            self.close()
