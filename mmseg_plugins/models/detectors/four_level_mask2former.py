"""Mask2Former that answers at four levels in one pass: objects, classes, instances, panoptic segments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmdet.models.detectors import Mask2Former

from mmseg_plugins.registry import MODELS


@MODELS.register_module()
class FourLevelMask2Former(Mask2Former):
    """``mmdet.Mask2Former`` for the fusion head ``FourLevelFusionHead``; training and weights are the host's.

    ::

        panoptic_head -> queries -> panoptic_fusion_head -+- instance_on   -> pred_instances
                                                          +- panoptic_on   -> pred_panoptic_seg.sem_seg (1, H, W)
                                                          +- semantic_on   -> pred_sem_seg.sem_seg (1, H, W)
                                                          +- foreground_on -> pred_foreground.sem_seg (1, H, W), 0 or 1

    A checkpoint of ``mmdet.Mask2Former`` is one of this, and the other way round.
    """

    def add_pred_to_datasample(self, data_samples: Sequence[Any], results_list: Sequence[dict[str, Any]]
                               ) -> Sequence[Any]:
        """Put all levels that are switched on into the samples."""
        for sample, results in zip(data_samples, results_list, strict=True):
            if 'sem_results' in results:
                sample.pred_sem_seg = results.pop('sem_results')
            if 'foreground_results' in results:
                sample.pred_foreground = results.pop('foreground_results')
        return super().add_pred_to_datasample(data_samples, results_list)
