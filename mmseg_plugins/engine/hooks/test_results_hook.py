"""Add to a test run what writes predictions and the scores of every class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook

from mmseg_plugins.config.walk import base_datasets
from mmseg_plugins.evaluation.class_scores import watch_classes, write_class_scores
from mmseg_plugins.evaluation.streamed_results import StreamedResults


def _image_paths(dataset: Any) -> Iterator[str]:
    """Files of the images of a built data set, those inside wrappers included."""
    for part in base_datasets(dataset):
        for index in range(len(part)):
            path = part.get_data_info(index).get('img_path')
            if isinstance(path, str):
                yield path


class TestResultsHook(Hook):
    """Acts when the evaluator is built, so after the check of the data.

    Args:
        metrics: Metrics to add, which write files and give no number.  Those that name files by images are told of all
            images before the first.
    """

    def __init__(self, metrics: Sequence[BaseMetric] = ()) -> None:
        self.metrics = list(metrics)
        self._watching: list[BaseMetric] = []

    def before_test(self, runner: Any) -> None:
        """Add the metrics."""
        evaluator = runner.test_evaluator
        for metric in self.metrics:
            if isinstance(metric, StreamedResults):
                metric.name_images(_image_paths(runner.test_dataloader.dataset))
        self._watching = list(watch_classes(evaluator.metrics))
        evaluator.metrics += self.metrics
        evaluator.dataset_meta = evaluator.dataset_meta  # reaches those that were added

    def after_test(self, runner: Any) -> None:
        """Write the tables of classes into the working folder."""
        if is_main_process():
            for path in write_class_scores([*runner.test_evaluator.metrics, *self._watching], Path(runner.work_dir)):
                runner.logger.info(f'Scores of every class: {path}')
