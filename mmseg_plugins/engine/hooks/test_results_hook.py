"""Add to a test run what writes predictions and the scores of every class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook

from mmseg_plugins.evaluation.class_scores import watch_classes, write_class_scores


class TestResultsHook(Hook):
    """Acts when the evaluator is built, so after the check of the data.

    Args:
        metrics: Metrics to add, which write files and give no number.
    """

    def __init__(self, metrics: Sequence[BaseMetric] = ()) -> None:
        self.metrics = list(metrics)
        self._watching: list[BaseMetric] = []

    def before_test(self, runner: Any) -> None:
        """Add the metrics."""
        evaluator = runner.test_evaluator
        self._watching = list(watch_classes(evaluator.metrics))
        evaluator.metrics += self.metrics
        evaluator.dataset_meta = evaluator.dataset_meta  # reaches those that were added

    def after_test(self, runner: Any) -> None:
        """Write the tables of classes into the working folder."""
        if is_main_process():
            for path in write_class_scores([*runner.test_evaluator.metrics, *self._watching], Path(runner.work_dir)):
                runner.logger.info(f'Scores of every class: {path}')
