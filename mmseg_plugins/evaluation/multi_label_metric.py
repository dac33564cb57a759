"""How well the classes of whole images are known: average precision, exact match, F1.

Average precision is PASCAL VOC's of the classification task since 2010: the area below the precision-recall curve made
monotonous.

Shapes: N images, K classes without the background.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from mmseg_plugins.evaluation.voc_ap import average_precision, precision_recall
from mmseg_plugins.registry import METRICS


@METRICS.register_module()
class MultiLabelMetric(BaseMetric):
    """Compare ``class_scores`` (K,) of the predictions with the classes of the label maps; class 0 is the background.

    Keys, in percent with two digits, the prefix ``labels``:

    * ``mAP``: mean over the classes that occur of the average precision;
    * ``exact``: images with all classes right;
    * ``F1``: of all decisions together.

    Args:
        threshold: Score above which an image holds a class.
    """

    default_prefix = 'labels'

    def __init__(self, threshold: float = 0.5, collect_device: str = 'cpu', prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.threshold = threshold

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep scores and truth of each image."""
        for sample in data_samples:
            scores = sample['class_scores'].float().cpu().numpy()
            found = np.unique(sample['gt_sem_seg']['data'].cpu().numpy())
            self.results.append((scores, np.isin(np.arange(1, len(scores) + 1), found)))

    def compute_metrics(self, results: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
        """The three numbers; the AP of each class goes to the log."""
        scores, truth = (np.stack(column) for column in zip(*results, strict=True))  # (N, K) both
        aps = [average_precision(precision_recall(column, right.astype(np.int8), int(right.sum())), 'area')
               for column, right in zip(scores.T, truth.T, strict=True)]
        names = ((self.dataset_meta or {}).get('classes') or ())[1:] or [str(k + 1) for k in range(len(aps))]
        print_log('AP of image labels: ' + ', '.join(
            f'{name} {100 * ap:.1f}' for name, ap in zip(names, aps, strict=True)), 'current')
        said = scores > self.threshold
        both, either = int((said & truth).sum()), int(said.sum() + truth.sum())
        known = [ap for ap in aps if not np.isnan(ap)]
        values = dict(mAP=np.mean(known) if known else float('nan'), exact=(said == truth).all(1).mean(),
                      F1=2 * both / either if either else 1.0)
        return {name: round(100 * float(value), 2) for name, value in values.items()}
