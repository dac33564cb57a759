"""Scores of every class in a CSV: IoU and the rest of label maps, AP of instances."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from mmdet.evaluation import CocoMetric
from mmengine.evaluator import BaseMetric
from mmseg.evaluation import IoUMetric

from mmseg_plugins.evaluation.coco_backend import CocoArrays
from mmseg_plugins.evaluation.coco_metric import FastCocoMetric
from mmseg_plugins.evaluation.level_metrics import SemanticIoUMetric


class ClassScores(SemanticIoUMetric):
    """mmseg's ``IoUMetric`` for the samples of both hosts, kept class by class instead of as a mean.

    Attributes:
        rows: Class, IoU, accuracy (recall), precision in percent, after :meth:`compute_metrics`.
    """

    def __init__(self, ignore_index: int = 255) -> None:
        super().__init__(ignore_index=ignore_index, iou_metrics=['mIoU', 'mFscore'])
        self.rows: list[tuple[str, float, float, float]] = []

    def compute_metrics(self, results: list[Any]) -> dict[str, float]:
        """Fill :attr:`rows`; gives no number."""
        areas = [sum(image[kind] for image in results) for kind in range(4)]
        found = self.total_area_to_metrics(*areas, ['mIoU', 'mFscore'], None, 1)
        columns = [found[key] * 100 for key in ('IoU', 'Acc', 'Precision')]
        self.rows = [(name, *(float(column[index]) for column in columns))
                     for index, name in enumerate(self.dataset_meta['classes'])]
        return {}


class ClassAPs(FastCocoMetric):
    """AP of every class from what mmdet's ``CocoMetric`` collected, after its own evaluation; gives no number.

    Args:
        metric: The metric; from here on its evaluation fills :attr:`class_rows`.
    """

    def __init__(self, metric: CocoMetric) -> None:
        super().__init__(metric=[kind for kind in metric.metrics if kind in ('bbox', 'segm')],
                         iou_thrs=metric.iou_thrs, proposal_nums=metric.proposal_nums)
        stock = metric.compute_metrics

        def compute(results: list[Any]) -> dict[str, float]:
            values: dict[str, float] = stock(results)
            if self.metrics and not metric.format_only:
                self.dataset_meta = metric.dataset_meta
                self.take_ground_truth(deepcopy(metric._coco_api.dataset), 'the evaluation JSON')
                self.compute_metrics(results)
            return values

        metric.compute_metrics = compute

    def _values(self, metric: str, arrays: CocoArrays) -> dict[str, float]:
        self.keep_rows(metric, arrays)
        return {}


def watch_classes(metrics: list[BaseMetric]) -> list[ClassAPs]:
    """Add what keeps the scores of every class to an evaluator's metrics, in place.

    Returns:
        What looks at metrics from outside, for :func:`write_class_scores`.
    """
    for metric in list(metrics):
        if type(metric) is not ClassScores and isinstance(metric, IoUMetric) and not metric.format_only:
            metrics.append(ClassScores(metric.ignore_index))
    return [ClassAPs(metric) for metric in metrics if type(metric) is CocoMetric]


def write_class_scores(metrics: Iterable[BaseMetric], folder: Path) -> list[Path]:
    """Write ``classes_iou.csv`` (percent) and ``classes_bbox_ap.csv``, ``classes_segm_ap.csv`` (0 to 1)."""
    written = []
    for metric in metrics:
        if isinstance(metric, ClassScores) and metric.rows:
            header = ('class', 'IoU', 'recall', 'precision')
            rows = [(row[0], *(f'{value:.2f}' for value in row[1:])) for row in metric.rows]
            written.append(_write(folder / 'classes_iou.csv', header, rows))
        if isinstance(metric, FastCocoMetric):
            for kind, table in metric.class_rows.items():
                if not table:  # classes are ignored
                    continue
                columns = ('class', 'AP', 'AP50', 'AP75', 'AP small', 'AP medium', 'AP large')
                written.append(_write(folder / f'classes_{kind}_ap.csv', columns, table))
    return written


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, 'w', encoding='utf-8', newline='') as stream:
        csv.writer(stream, lineterminator='\n').writerows([header, *rows])
    return path
