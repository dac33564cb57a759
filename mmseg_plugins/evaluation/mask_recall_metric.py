"""Average recall of class-agnostic mask proposals, and their average precision, by COCO's rules.

The definition is that of "What makes for effective detection proposals?", https://arxiv.org/abs/1502.05082, with mask
IoU: recall at IoU .5:.05:.95, averaged, for the best N proposals per image.  Computed by ``COCOeval`` of type ``segm``
with ``useCats = 0``; mmdet's ``CocoMetric(metric='proposal')`` is recall of boxes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.logging import print_log

from mmseg_plugins.evaluation.coco_backend import evaluate, only_categories
from mmseg_plugins.evaluation.coco_metric import FastCocoMetric, coco_predictions
from mmseg_plugins.registry import METRICS
from mmseg_plugins.utils.errors import UserError

AREAS = ('s', 'm', 'l')


@METRICS.register_module()
class MaskRecallMetric(FastCocoMetric):
    """COCO evaluation in which every object and every prediction is of one class.

    Objects of categories that are not among the data's classes do not count.

    Keys for ``segm``: ``segm_mAP``, ``segm_mAP_50``, ``segm_mAP_75``, ``segm_mAP_{s,m,l}`` (the class-agnostic average
    precision, at most ``ap_limit`` predictions an image; with a single class equal to ``FastCocoMetric``'s), ``AR@N``
    for every N, and ``AR_{s,m,l}@N`` for the largest N; for ``bbox``: ``bbox_mAP``, ... likewise, without recall.
    Values in [0, 1] with 3 digits; -1 where there is no object.

    Args:
        ann_file: COCO JSON; None uses the ground truth of the data samples.
        proposal_nums: The N.
        ap_limit: Predictions an image that count for the average precision.
        metric: ``'segm'``, ``'bbox'`` or both.
        kwargs: Those of ``FastCocoMetric`` (``backend``, ``iou_thrs``, ...) but ``classwise`` and ``metric_items``.

    Raises:
        UserError: see ``FastCocoMetric``.
        ValueError: another metric, or an option that has no meaning here.
    """

    def __init__(
        self,
        ann_file: str | None = None,
        *,
        proposal_nums: Sequence[int] = (10, 100, 1000),
        ap_limit: int = 100,
        metric: str | Sequence[str] = 'segm',
        **kwargs: Any,
    ) -> None:
        wanted = [metric] if isinstance(metric, str) else list(metric)
        unknown = sorted(set(wanted) - {'segm', 'bbox'})
        if unknown:
            raise ValueError(f'MaskRecallMetric: metric {unknown} is unknown; choose from "segm" and "bbox". '
                             'Recall of boxes is FastCocoMetric(metric="proposal").')
        for name in ('classwise', 'metric_items'):
            if kwargs.get(name):
                raise ValueError(f'MaskRecallMetric: {name}={kwargs[name]!r} is not possible: all objects are of one '
                                 'class here, and the values are always the same. Fix: leave it out, or use '
                                 'FastCocoMetric.')
        super().__init__(ann_file, metric=wanted, proposal_nums=tuple(proposal_nums), **kwargs)
        self.recall_limits = tuple(proposal_nums)
        self.ap_limit = ap_limit

    def _evaluate(self, metric: str, preds: Sequence[dict]) -> dict[str, float]:
        if metric == 'segm' and any('masks' not in pred for pred in preds):
            raise UserError('mask recall needs masks, the predictions have none.', fix='a model with masks.')
        predictions, broken = coco_predictions(preds, self.cat_ids, masks=metric == 'segm')
        if broken:
            print_log(f'{metric}: {broken} predictions with NaN or infinite values were dropped', logger='current')
        assert self.backend is not None
        arrays = evaluate(
            only_categories(self._coco_api, self.cat_ids, self.backend),
            predictions,
            self.backend,
            iou_type=metric,
            category_ids=self.cat_ids,
            image_ids=self.img_ids,
            max_dets=sorted({*self.recall_limits, self.ap_limit}),
            iou_thrs=self.iou_thrs,
            use_categories=False,
        )
        values = {
            'mAP': arrays.ap(limit=self.ap_limit),
            'mAP_50': arrays.ap(0.5, limit=self.ap_limit),
            'mAP_75': arrays.ap(0.75, limit=self.ap_limit),
            **{f'mAP_{name}': arrays.ap(area=i, limit=self.ap_limit) for i, name in enumerate(AREAS, start=1)},
        }
        values = {f'{metric}_{name}': value for name, value in values.items()}
        if metric == 'segm':
            largest = max(self.recall_limits)
            values.update({f'AR@{limit}': arrays.ar(limit=limit) for limit in self.recall_limits})
            values.update({
                f'AR_{name}@{largest}': arrays.ar(area=i, limit=largest) for i, name in enumerate(AREAS, start=1)
            })
        return {name: round(value, 3) for name, value in values.items()}
